//! What values mean that the flat record has no field for, but a richer schema may have a place.
//!
//! A product's table says what a key means, a schema's table says where that goes; neither knows
//! the other. In the flat record such a value is a member of `extra` like any other.

use crate::{
    catalog::products::{self, Entry},
    reading::plan::same_key,
};

macro_rules! meanings {
    ($($name:ident $doc:literal;)*) => {
        /// What a value in `extra` means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Meaning {
            $(#[doc = $doc] $name),*
        }

        impl Meaning {
            /// Every meaning.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

meanings! {
    Zone "Availability zone.";
    EnterpriseProject "Group of resources that an enterprise made, by its id.";
    EnterpriseProjectName "Name of such a group.";
    NatIp "Address that the source's was translated to.";
    NatPort "Port that the source's was translated to.";
    PacketSource "Source address in the packet, where the flow's is that of a gateway between.";
    PacketDestination "Destination address in the packet, where the flow's is that of a gateway between.";
    PacketSourceService "Service of the cloud that the packet's source address belongs to.";
    PacketDestinationService "Service of the cloud that the packet's destination address belongs to.";
    SourceInterface "Network interface of the source.";
    SourceSubnet "Subnet of the source.";
    SourceZone "Availability zone of the source.";
    DestinationInterface "Network interface of the destination.";
    DestinationSubnet "Subnet of the destination.";
    DestinationZone "Availability zone of the destination.";
    Cluster "Name of the cluster of containers.";
    ClusterArn "Id of the cluster of containers.";
    Container "Id of the container.";
    Task "Id of the container's task.";
    TaskArn "Long id of the container's task.";
    Client "Address of the client, where the source is a proxy.";
    Packet "A packet, in base64.";
    Proxy "Address of the proxy between the source and the observer.";
    SourceCountry "Code of the source's country.";
    SourceProvinceName "Name of the source's province.";
    SourceCityName "Name of the source's city.";
    DestinationCountry "Code of the destination's country.";
    DestinationProvinceName "Name of the destination's province.";
    DestinationCityName "Name of the destination's city.";
    RejectReason "Why traffic was rejected.";
    UserAgent "Header `User-Agent`.";
    ForwardedFor "Header `X-Forwarded-For`.";
    Arguments "Query of the URL, without its question mark.";
    Scheme "Scheme of the URL.";
    TlsVersion "Version of TLS, as in `TLSv1.2`.";
    RequestBody "Body of the request.";
    ResponseBody "Body of the response.";
    ResponseBodySize "Bytes of the response's body.";
    ResponseTime "Milliseconds until the response.";
    Policy "Id of the policy that the rule is in.";
    Matched "What in the request matched the rule.";
    MatchedIn "Which part of the request that is.";
}

impl Meaning {
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// A bit for each meaning.
    pub(crate) const fn bit(self) -> u64 {
        1 << self as usize
    }
}

const _: () = assert!(Meaning::COUNT <= 64);

/// The keys of a product's records that have a meaning.
#[derive(Debug)]
pub(crate) struct Meanings {
    pub(crate) provider: &'static str,
    pub(crate) product: &'static str,
    /// The marks of the keys. Most keys have none of them, and are not looked for.
    pub(crate) marks: u64,
    pub(crate) keys: &'static [(&'static str, Meaning)],
}

impl Meanings {
    /// Those of the product with these words.
    pub(crate) fn of(provider: &str, product: &str) -> Option<&'static Self> {
        products::MEANINGS.iter().find(|m| m.product == product && m.provider == provider)
    }

    /// What a key means.
    pub(crate) fn find(&self, key: &str) -> Option<Meaning> {
        if self.marks & mark(key) == 0 {
            return None;
        }
        self.keys.iter().find(|k| k.0 == key || same_key(k.0, key)).map(|k| k.1)
    }
}

/// A bit that is the same for all spellings of a key: of its first and its last letter.
const fn mark(key: &str) -> u64 {
    let key = key.as_bytes();
    let (mut start, mut end) = (0, key.len());
    while start < end && matches!(key[start], b'-' | b'_') {
        start += 1;
    }
    while start < end && matches!(key[end - 1], b'-' | b'_') {
        end -= 1;
    }
    if start == end {
        return 1;
    }
    let [first, last] = [key[start].to_ascii_lowercase(), key[end - 1].to_ascii_lowercase()];
    1 << ((first.wrapping_mul(5) ^ last) % 64)
}

/// The marks of keys.
pub(crate) const fn marks(keys: &[(&str, Meaning)]) -> u64 {
    let (mut all, mut i) = (0, 0);
    while i < keys.len() {
        all |= mark(keys[i].0);
        i += 1;
    }
    all
}

/// How many spellings of keys have a meaning.
pub(crate) const fn count(entries: &[Entry]) -> usize {
    let (mut all, mut i) = (0, 0);
    while i < entries.len() {
        all += if entries[i].means.is_some() { entries[i].keys.len() } else { 0 };
        i += 1;
    }
    all
}

/// The spellings that have a meaning.
pub(crate) const fn keys<const N: usize>(entries: &[Entry]) -> [(&'static str, Meaning); N] {
    let (mut all, mut n, mut i) = ([("", Meaning::Zone); N], 0, 0);
    while i < entries.len() {
        let mut k = 0;
        while k < entries[i].keys.len() {
            if let Some(meaning) = entries[i].means {
                all[n] = (entries[i].keys[k], meaning);
                n += 1;
            }
            k += 1;
        }
        i += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_every_spelling() {
        let aws = Meanings::of("aws", "vpc").unwrap();
        for key in ["pkt-srcaddr", "pkt_srcaddr", "PktSrcAddr", "_pkt-srcaddr-"] {
            assert_eq!(aws.find(key), Some(Meaning::PacketSource), "{key}");
        }
        for key in ["", "-", "type", "pkt", "pkt-srcaddr2", "srcaddr", "nat_ip", "é"] {
            assert_eq!(aws.find(key), None, "{key}");
        }
        assert!(Meanings::of("huawei", "nat").is_none());
    }

    #[test]
    fn words_tell_one_product() {
        for product in products::all() {
            let found = Meanings::of(product.provider, product.product).unwrap();
            let means = product.entries.iter().flat_map(|e| e.keys.iter().map(|k| (*k, e.means)));
            for (key, meaning) in means {
                assert_eq!(found.find(key), meaning, "{} {key}", product.id);
            }
        }
    }

    /// What no product says is not in the list.
    #[test]
    fn every_meaning_is_of_use() {
        for meaning in Meaning::ALL {
            let says = |e: &Entry| e.means == Some(*meaning);
            assert!(products::all().iter().any(|p| p.entries.iter().any(says)), "{meaning:?}");
        }
    }
}
