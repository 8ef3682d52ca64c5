//! The registry of products, and what a product's table is made of.
//!
//! A product is one file with one table. The table drives the reading of columns and of
//! keys, detection, and the documentation.

use crate::{
    bytes::sort,
    catalog::{
        keys::same_key,
        meaning::Meaning,
        meanings::{self, Meanings},
    },
    record::{
        fault::{Fault, RejectCode},
        fields::{Field, Record, Value},
    },
};
pub use crate::{
    catalog::product::{ALONE, Entry, Lines, Product, Shape, To},
    value::time::Unit,
};

macro_rules! registry {
    ($($name:ident),* $(,)?) => {
        $(pub(crate) mod $name;)*

        /// Every product, in the order of the documentation.
        pub fn all() -> &'static [&'static Product] {
            &[$(&$name::PRODUCT),*]
        }

        /// What keys mean that have no field, for every product.
        static MEANINGS: &[Meanings] = &[$({
            const PRODUCT: Product = $name::PRODUCT;
            const KEYS: [(&str, Meaning); meanings::count(PRODUCT.entries)] = meanings::keys(PRODUCT.entries);
            Meanings {
                provider: PRODUCT.provider,
                product: PRODUCT.product,
                marks: meanings::marks(&KEYS),
                keys: &KEYS,
            }
        }),*];
    };
}

registry! {
    huawei_vpc,
    huawei_er,
    huawei_cfw,
    huawei_cfw_access,
    huawei_cfw_attack,
    huawei_cfw_url,
    huawei_waf,
    huawei_waf_access,
    huawei_elb,
    alibaba_cen,
    alibaba_vpc,
    alibaba_nat,
    alibaba_cfw,
    alibaba_waf,
    alibaba_alb,
    baidu_flow,
    aws_vpc,
    aws_tgw,
    flat,
}

/// The first word of a flat record that no product has together with the words before it: its
/// field, and what is wrong with it. `None` in records of other products.
#[inline]
pub(crate) fn odd_word(product: &Product, record: &Record<'_>) -> Option<(Field, Fault<'static>)> {
    if product.provider.is_empty() { odd_word_of_flat(record) } else { None }
}

/// The first word of a flat record that no product has together with the words before it: its
/// field, and what is wrong with it.
fn odd_word_of_flat(record: &Record<'_>) -> Option<(Field, Fault<'static>)> {
    let words = [Field::Provider, Field::Product, Field::Kind];
    let told = words.map(|f| match record.get(f) {
        Some(Value::Text(word)) => word,
        _ => "",
    });
    let fits = |p: &Product, some: usize| {
        p.words().iter().zip(told).take(some).all(|(w, told)| told.is_empty() || w.1 == told)
    };
    let products = || all().iter().filter(|p| p.id != flat::PRODUCT.id);
    if products().any(|p| fits(p, words.len())) {
        return None;
    }
    // The first word that no product has behind those before it.
    let odd = (0..words.len()).find(|i| !products().any(|p| fits(p, i + 1)))?;
    Some((words[odd], unknown(&mut products().filter(|p| fits(p, odd)).map(|p| p.words()[odd].1))))
}

#[cold]
#[inline(never)]
fn unknown(known: &mut dyn Iterator<Item = &'static str>) -> Fault<'static> {
    let mut words: Vec<_> = known.collect();
    sort::sort(&mut words);
    words.dedup();
    let text = format!("is not what Weir writes there; expected one of {}", words.join(", "));
    Fault { format: flat::PRODUCT.id, ..Fault::of_record(RejectCode::Word, text) }
}

/// The product with this id.
pub fn by_id(id: &str) -> Option<&'static Product> {
    all().iter().copied().find(|p| p.id == id)
}

/// The field that a source's key becomes, in any spelling: what somebody means who writes the
/// vendor's name of it. The first product's that has the key.
pub(crate) fn field_of(key: &str) -> Option<Field> {
    let mut entries = all().iter().flat_map(|p| p.entries);
    entries.find_map(|e| e.to.field().filter(|_| e.keys.iter().any(|k| same_key(k, key))))
}

/// What the keys of the product with these words mean.
pub(crate) fn meanings(provider: &str, product: &str) -> Option<&'static Meanings> {
    MEANINGS.iter().find(|m| m.product == product && m.provider == provider)
}
