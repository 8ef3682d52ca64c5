//! A store of each service, as OpenDAL builds it.

use opendal::{
    HttpTransporter, Operator, Result,
    services::{Azblob, Gcs, Obs, Oss, S3},
};

use super::{
    obs::Lister,
    transport::{Corrections, Transport},
};
use crate::{
    Address, Error, Options, Service,
    error::Kind,
    options::{self, Credentials, Environment, Place},
};

/// A host that OpenDAL takes for one of OBS, so that it signs requests for the bucket. The host is no
/// part of what is signed, and put right on the way.
const OBS_HOST: &str = "obs.weir.myhuaweicloud.com";

/// A bucket: who reads and writes its objects, without attempts that are repeated, and who lists them if
/// it is somebody else.
pub(super) struct Bucket {
    pub(super) operator: Operator,
    pub(super) lister: Option<Lister>,
}

/// Opens a bucket.
pub(super) fn bucket(
    address: &Address,
    place: &Place,
    options: &Options,
    env: Environment<'_>,
) -> std::result::Result<Bucket, Error> {
    let bucket = address.bucket();
    let endpoint = place.endpoint.to_string();
    let mut key = options::credentials(address, options, env)?;
    let mut corrections = Corrections::default();
    let mut obs_endpoint = None;
    let built = match address.service() {
        Service::S3 | Service::Bos => s3(bucket, place, options, key.take()),
        Service::Oss => {
            let mut oss = Oss::default().bucket(bucket).endpoint(&endpoint);
            if place.path_style {
                oss = oss.addressing_style("path");
            }
            if options.anonymous {
                oss = oss.skip_signature();
            }
            if let Some(Credentials { id, secret, token }) = key.take() {
                oss = oss.access_key_id(&id).access_key_secret(&secret);
                if let Some(token) = token {
                    oss = oss.security_token(&token);
                }
            }
            Operator::new(oss)
        }
        Service::Obs => {
            let scheme = if place.endpoint.is_tls { "https" } else { "http" };
            let port = place.endpoint.port.map_or(String::new(), |port| format!(":{port}"));
            corrections = Corrections {
                host: Some((OBS_HOST.into(), format!("{}{port}", place.endpoint.host))),
                path: place.path_style.then(|| bucket.into()),
                is_anonymous: options.anonymous,
                ..corrections
            };
            if options.anonymous {
                // It is signed with something, and the signature is left out on the way.
                key = Some(Credentials { id: "none".into(), secret: "none".into(), token: None });
            }
            obs_endpoint = Some(format!("{scheme}://{bucket}.{OBS_HOST}"));
            let mut obs = Obs::default().bucket(bucket).endpoint(&format!("{scheme}://{OBS_HOST}"));
            if let Some(Credentials { id, secret, .. }) = &key {
                obs = obs.access_key_id(id).secret_access_key(secret);
            }
            Operator::new(obs)
        }
        Service::Gcs => {
            corrections.is_unpacking = true;
            let mut gcs = Gcs::default().bucket(bucket).endpoint(&endpoint);
            if options.anonymous {
                gcs = gcs.skip_signature();
            }
            Operator::new(gcs)
        }
        Service::Azure => {
            let mut azure = Azblob::default().container(bucket).endpoint(&endpoint);
            let known = [env("AZURE_STORAGE_ACCOUNT_NAME"), env("AZURE_STORAGE_ACCOUNT_KEY")];
            if let Some(Credentials { id, secret, .. }) = key.take() {
                azure = azure.account_name(&id).account_key(&secret);
            } else if let [Some(name), Some(key)] = known {
                azure = azure.account_name(&name).account_key(&key);
            }
            if options.anonymous {
                azure = azure.skip_signature();
            }
            Operator::new(azure)
        }
        Service::Local => {
            return Err(Error::usage(format!("{address}: a path is no address of a store")));
        }
    };
    let operator = built.map_err(|e| {
        Error::new(Kind::Usage, format!("{address}: can't be opened: {}; check the options", e.message()))
    })?;
    let transport = HttpTransporter::new(Transport::new(place, corrections)?);
    let key = key.map(|key| (key.id, key.secret));
    let lister = obs_endpoint.map(|endpoint| Lister::new(bucket, endpoint, key, transport.clone()));
    let context = operator.base_context().with_http_transport(transport);
    Ok(Bucket { operator: operator.with_context(context), lister })
}

fn s3(bucket: &str, place: &Place, options: &Options, key: Option<Credentials>) -> Result<Operator> {
    let mut s3 = S3::default().bucket(bucket).endpoint(&place.endpoint.to_string()).region(&place.region);
    if !place.path_style {
        s3 = s3.enable_virtual_host_style();
    }
    if options.anonymous {
        s3 = s3.skip_signature();
    }
    if !place.endpoint.is_amazon() {
        // A machine's own credentials are Amazon's, and nobody else's to see.
        s3 = s3.disable_ec2_metadata();
    }
    if let Some(Credentials { id, secret, token }) = key {
        s3 = s3.access_key_id(&id).secret_access_key(&secret);
        if let Some(token) = token {
            s3 = s3.session_token(&token);
        }
    }
    Operator::new(s3)
}
