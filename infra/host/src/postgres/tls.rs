//! Whom a connection to a Postgres trusts: as under Spin, `sslmode=require`
//! verifies the server's certificate and its name.

use std::path::Path;

use anyhow::{Context, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The trusted authorities.
pub(super) struct Tls(ClientConfig);

impl Tls {
    /// The system's (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`), and those in the PEM file `authorities`.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in native.errors {
            tracing::warn!(%error, "an authority of the system cannot be read");
        }
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = authorities {
            let read = || format!("cannot read the authorities in {}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(read)? {
                roots.add(certificate.with_context(read)?).with_context(read)?;
            }
        }
        Ok(Self(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
    }

    /// Makes connections by these.
    pub(super) fn connector(&self) -> MakeRustlsConnect {
        MakeRustlsConnect::new(self.0.clone())
    }
}
