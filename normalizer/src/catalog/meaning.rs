//! What values mean that the flat record has no field for, but a richer schema may have a place.
//!
//! A product's table says what a key means, a schema's table says where that goes; neither knows
//! the other. In the flat record such a value is a member of `extra` like any other.

macro_rules! meanings {
    ($($name:ident $doc:literal;)*) => {
        /// What a value in `extra` means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
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
