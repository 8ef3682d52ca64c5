//! What a job does: its inputs in groups, which depend on nothing but the inputs and the options.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    ops::Range,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use weir_pipeline::summary::grouped;
use weir_printable::line;

use crate::{
    Error,
    limits::{NAMES, SHARD_INPUTS},
    objects::hex,
};

/// The version of plans and manifests, and of how a shard's records are put into files.
pub const LAYOUT: u32 = 1;

/// Something that is read, as it was listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its path or address.
    pub name: String,
    /// Its length in bytes, as it is stored.
    pub size: u64,
    /// What changes when its bytes do: its etag, or when it was written.
    pub etag: String,
}

/// What an object depends on besides the inputs, by its name.
pub type Options = BTreeMap<String, Value>;

/// Inputs that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// How many they are.
    pub inputs: usize,
    /// Their bytes, as they are stored.
    pub size: u64,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    id: String,
    content: Content,
    /// Where the inputs of each shard begin.
    starts: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    layout: u32,
    weir: String,
    options: Options,
    inputs: Vec<Input>,
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
struct File {
    plan: String,
    #[serde(flatten)]
    content: Content,
}

impl Plan {
    /// Groups inputs, in the order of their names, into shards of some `size` bytes each; an input that is
    /// larger is a shard of its own.
    ///
    /// # Errors
    ///
    /// Where two inputs have one name, or there is none.
    pub fn new(mut inputs: Vec<Input>, options: Options, size: u64) -> Result<Self, Error> {
        inputs.sort_by(|a, b| a.name.cmp(&b.name));
        inputs.dedup();
        if let Some(pair) = inputs.windows(2).find(|pair| pair[0].name == pair[1].name) {
            let name = line(&pair[0].name);
            return Err(Error::failed(format!(
                "{name}: this input changed while it was listed; begin again"
            )));
        }
        if inputs.is_empty() {
            return Err(Error::usage("there are no inputs, so there is nothing to do"));
        }
        let mut shards: Vec<Shard> = Vec::new();
        for input in &inputs {
            match shards.last_mut() {
                Some(shard)
                    if shard.size.saturating_add(input.size) <= size && shard.inputs < SHARD_INPUTS =>
                {
                    shard.inputs += 1;
                    shard.size += input.size;
                }
                _ => shards.push(Shard { inputs: 1, size: input.size }),
            }
        }
        let weir = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self::of(Content { layout: LAYOUT, weir, options, inputs, shards }))
    }

    fn of(content: Content) -> Self {
        let json = serde_json::to_vec(&content).expect("a plan can be written");
        let id = hex(&Sha256::digest(json)[..6]);
        let starts = content.shards.iter().scan(0, |next, shard| {
            let start = *next;
            *next += shard.inputs;
            Some(start)
        });
        Self { id, starts: starts.collect(), content }
    }

    /// Reads a plan that was written.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let File { plan, content } = serde_json::from_slice(json).map_err(|e| e.to_string())?;
        let inputs = content.shards.iter().try_fold(0usize, |sum, shard| sum.checked_add(shard.inputs));
        if inputs != Some(content.inputs.len()) {
            return Err("its shards do not have all of its inputs".into());
        }
        let found = Self::of(content);
        match found.id == plan {
            true => Ok(found),
            false => Err(format!("what is in it makes the plan {}, and not {plan}", found.id)),
        }
    }

    /// As it is written.
    pub fn json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Of<'a> {
            plan: &'a str,
            #[serde(flatten)]
            content: &'a Content,
        }
        let mut json = serde_json::to_vec(&Of { plan: &self.id, content: &self.content })
            .expect("a plan can be written");
        json.push(b'\n');
        json
    }

    /// Tells it from all others.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version of Weir that made it.
    pub fn weir(&self) -> &str {
        &self.content.weir
    }

    /// What objects depend on besides the inputs.
    pub fn options(&self) -> &Options {
        &self.content.options
    }

    /// All inputs, in the order of their names.
    pub fn inputs(&self) -> &[Input] {
        &self.content.inputs
    }

    /// All shards.
    pub fn shards(&self) -> &[Shard] {
        &self.content.shards
    }

    /// The inputs of a shard.
    pub fn inputs_of(&self, shard: usize) -> &[Input] {
        let start = self.starts[shard];
        &self.content.inputs[start..start + self.content.shards[shard].inputs]
    }

    /// The bytes of all inputs, as they are stored.
    pub fn size(&self) -> u64 {
        self.content.shards.iter().map(|shard| shard.size).sum()
    }

    /// What names of a shard's files begin with.
    pub fn stem(&self, shard: usize) -> String {
        format!("part-{}-{shard:05}", self.id)
    }

    /// How many inputs another plan has, too, whether they are the same by now or not.
    pub fn shared(&self, other: &Self) -> usize {
        // Both are in order.
        let (mut shared, mut others) = (0, other.inputs().iter().peekable());
        for input in self.inputs() {
            while others.next_if(|other| other.name < input.name).is_some() {}
            shared += usize::from(others.peek().is_some_and(|other| other.name == input.name));
        }
        shared
    }

    /// What its table is other than that of another plan, for people; none where the files of both are of one
    /// table, or in folders of their own.
    pub fn other_table(&self, then: &Self) -> Option<String> {
        let keys = |plan: &Self| -> Vec<String> {
            let keys = plan.options().get("partition").and_then(Value::as_array);
            keys.into_iter().flatten().filter_map(|key| Some(key.as_str()?.to_owned())).collect()
        };
        // A folder that is the same for all has a name and a value.
        let name = |key: &str| key.split('=').next().unwrap_or_default().to_owned();
        let (now, before) = (keys(self), keys(then));
        if let (Some(a), Some(b)) = (now.first(), before.first())
            && a.contains('=')
            && name(a) == name(b)
            && a != b
        {
            return None;
        }
        let mut all = Vec::new();
        for option in ["to", "addresses"] {
            let (now, before) = (self.options().get(option), then.options().get(option));
            if let (Some(now), Some(before)) = (now, before)
                && now != before
            {
                let text = |value: &Value| clipped(value.as_str().unwrap_or_default());
                all.push(format!("--{option} {} and not {}", text(before), text(now)));
            }
        }
        if !now.iter().map(|key| name(key)).eq(before.iter().map(|key| name(key))) {
            let text = |keys: &[String]| match keys.is_empty() {
                true => "none".to_owned(),
                false => clipped(&keys.join(",")),
            };
            all.push(format!("--partition {} and not {}", text(&before), text(&now)));
        }
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// What is other here than it was there, for people.
    pub fn differences(&self, then: &Self) -> String {
        let mut all = Vec::new();
        if self.weir() != then.weir() || self.content.layout != then.content.layout {
            all.push(format!("it was begun by Weir {}, and this is {}", then.weir(), self.weir()));
        }
        let (now, before) = (self.options(), then.options());
        let names: std::collections::BTreeSet<_> = now.keys().chain(before.keys()).collect();
        for name in names {
            let (now, before) = (now.get(name), before.get(name));
            if now != before {
                let text = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
                let (now, before) = (text(now), text(before));
                all.push(format!("{name} is {} and was {}", clipped(&now), clipped(&before)));
            }
        }
        let known: HashMap<_, _> = then.inputs().iter().map(|input| (&*input.name, input)).collect();
        let is_here: HashMap<_, _> = self.inputs().iter().map(|input| (&*input.name, input)).collect();
        let new = self.inputs().iter().filter(|input| !known.contains_key(&*input.name));
        let gone = then.inputs().iter().filter(|input| !is_here.contains_key(&*input.name));
        let is_changed = |input: &&Input| known.get(&*input.name).is_some_and(|then| then != input);
        let changed = self.inputs().iter().filter(is_changed);
        all.extend(named("is new", "are new", new.collect()));
        all.extend(named("has changed", "have changed", changed.collect()));
        all.extend(named("is not there any more", "are not there any more", gone.collect()));
        if all.is_empty() {
            all.push("the same inputs are in other shards".into());
        }
        all.join("; ")
    }
}

fn clipped(text: &str) -> String {
    let text = line(text);
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.into_owned(),
    }
}

fn named(one: &str, several: &str, inputs: Vec<&Input>) -> Option<String> {
    let first = inputs.first()?;
    let mut text = match inputs.len() {
        1 => format!("{} {one}", line(&first.name)),
        n => {
            let names: Vec<_> = inputs.iter().take(NAMES).map(|input| line(&input.name)).collect();
            format!("{} inputs {several} ({}", grouped(n as u64), names.join(", "))
        }
    };
    match inputs.len() {
        1 => {}
        n if n > NAMES => text.push_str(", ...)"),
        _ => text.push(')'),
    }
    Some(text)
}

/// The share of one of several who do a plan together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which of them, from 0.
    pub index: usize,
    /// How many they are.
    pub of: usize,
}

impl Share {
    /// All of it.
    pub const ALL: Self = Self { index: 0, of: 1 };

    /// The numbers of its shards: each is in the share of one, whatever the number of shares.
    pub fn shards(self, of: &Plan) -> impl Iterator<Item = usize> + use<> {
        let all: Range<usize> = 0..of.shards().len();
        all.skip(self.index).step_by(self.of)
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed =
            text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let Some((index, of)) = parsed.filter(|(_, of)| *of > 0) else {
            return Err("give which of how many, such as 0/16 for the first of 16".into());
        };
        if index >= of {
            let mut wrong = format!("of {of} the first is 0/{of}");
            let _ = write!(wrong, " and the last {}/{of}, as schedulers such as Kubernetes count", of - 1);
            return Err(wrong);
        }
        Ok(Self { index, of })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn input(name: &str, size: u64) -> Input {
        Input { name: name.into(), size, etag: "e".into() }
    }

    fn options(filter: &str) -> Options {
        BTreeMap::from([("where".into(), filter.into())])
    }

    #[test]
    fn inputs_are_grouped_in_order_and_large_ones_stand_alone() {
        let inputs = vec![input("c", 5), input("a", 3), input("b", 4), input("d", 100), input("e", 0)];
        let plan = Plan::new(inputs, Options::new(), 7).unwrap();
        let shards: Vec<Vec<&str>> = (0..plan.shards().len())
            .map(|shard| plan.inputs_of(shard).iter().map(|input| &*input.name).collect())
            .collect();
        assert_eq!(shards, [vec!["a", "b"], vec!["c"], vec!["d"], vec!["e"]]);
        assert_eq!(plan.size(), 112);
        assert!(Plan::new(Vec::new(), Options::new(), 7).is_err());
        assert!(Plan::new(vec![input("a", 1), input("a", 2)], Options::new(), 7).is_err());
        assert_eq!(
            Plan::new(vec![input("a", 1), input("a", 1)], Options::new(), 7).unwrap().inputs().len(),
            1
        );
    }

    proptest! {
        #[test]
        fn a_plan_depends_on_what_is_in_it_and_on_no_order(
            sizes in prop::collection::vec(0..100u64, 1..50),
            size in 1..300u64,
            of in 1..9usize,
            shuffle in any::<u64>(),
        ) {
            let inputs: Vec<_> = sizes.iter().enumerate().map(|(i, n)| input(&format!("i{i:03}"), *n)).collect();
            let plan = Plan::new(inputs.clone(), options("a"), size).unwrap();
            let mut other = inputs.clone();
            other.sort_by_key(|input| (input.name.bytes().map(u64::from).sum::<u64>() ^ shuffle).wrapping_mul(shuffle | 1));
            prop_assert_eq!(&Plan::new(other, options("a"), size).unwrap(), &plan);
            prop_assert_eq!(&Plan::from_json(&plan.json()).unwrap(), &plan);
            // Each input is in one shard, and each shard in one share.
            let all: Vec<_> = (0..plan.shards().len()).flat_map(|shard| plan.inputs_of(shard).to_vec()).collect();
            prop_assert_eq!(&all, plan.inputs());
            for shard in 0..plan.shards().len() {
                let sum: u64 = plan.inputs_of(shard).iter().map(|input| input.size).sum();
                prop_assert!(sum == plan.shards()[shard].size && (sum <= size || plan.shards()[shard].inputs == 1));
            }
            let mut shares: Vec<_> = (0..of).flat_map(|index| Share { index, of }.shards(&plan)).collect();
            shares.sort_unstable();
            prop_assert_eq!(shares, (0..plan.shards().len()).collect::<Vec<_>>());
            // Anything else is another plan.
            let mut changed = inputs.clone();
            changed[0].etag = "f".into();
            for other in [
                Plan::new(changed, options("a"), size),
                Plan::new(inputs.clone(), options("b"), size),
                Plan::new(inputs.iter().cloned().chain([input("j", 1)]).collect(), options("a"), size),
            ] {
                let other = other.unwrap();
                prop_assert_ne!(other.id(), plan.id());
                prop_assert_eq!(other.shared(&plan), inputs.len());
            }
        }
    }

    #[test]
    fn a_plan_that_was_changed_is_none() {
        let plan = Plan::new(vec![input("a", 3), input("b", 4)], Options::new(), 7).unwrap();
        let json = String::from_utf8(plan.json()).unwrap();
        for (from, to) in [("\"size\":3", "\"size\":2"), ("\"inputs\":2", "\"inputs\":1"), ("{", "")] {
            assert!(Plan::from_json(json.replacen(from, to, 1).as_bytes()).is_err(), "{from}");
        }
    }

    #[test]
    fn differences_are_named() {
        let names: Vec<_> = (0..5).map(|i| input(&format!("new{i}"), 1)).collect();
        let then = Plan::new(vec![input("a", 3), input("b", 4), input("c", 1)], options("x"), 7).unwrap();
        let now = [vec![input("a", 3), input("b", 5)], names].concat();
        let now = Plan::new(now, Options::new(), 7).unwrap();
        assert_eq!(
            now.differences(&then),
            "where is nothing and was \"x\"; 5 inputs are new (new0, new1, new2, ...); b has changed; \
             c is not there any more"
        );
        assert_eq!(now.shared(&then), 2);
        let other = Plan::new(vec![input("a", 3), input("b", 4), input("c", 1)], options("x"), 5).unwrap();
        assert_eq!(other.differences(&then), "the same inputs are in other shards");
    }

    #[test]
    fn plans_of_one_table_have_its_form() {
        let plan = |to: &str, partition: &[&str]| {
            let options = [("to".to_owned(), to.into()), ("partition".to_owned(), partition.into())];
            Plan::new(
                vec![input("a", 3)],
                options.into_iter().filter(|(_, v)| *v != Value::Array(Vec::new())).collect(),
                7,
            )
            .unwrap()
        };
        for (to, partition, told) in [
            ("parquet", &["region=a", "date"][..], None),
            // Another region is beside it.
            ("parquet", &["region=b", "date"], None),
            ("flat", &["region=b"], None),
            ("flat", &["region=a", "date"], Some("--to parquet and not flat")),
            ("parquet", &["date"], Some("--partition region=a,date and not date")),
            ("csv", &[], Some("--to parquet and not csv, --partition region=a,date and not none")),
        ] {
            let found = plan(to, partition).other_table(&plan("parquet", &["region=a", "date"]));
            assert_eq!(found.as_deref(), told, "{to} {partition:?}");
        }
        assert_eq!(
            plan("flat", &["date"]).other_table(&plan("flat", &[])).as_deref(),
            Some("--partition none and not date")
        );
    }

    #[test]
    fn shares_are_counted_from_0() {
        assert_eq!("3/16".parse(), Ok(Share { index: 3, of: 16 }));
        for wrong in ["", "3", "16/16", "-1/16", "1/0", "0/0", "1/2/3"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
