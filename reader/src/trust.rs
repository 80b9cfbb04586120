//! Whom we trust over TLS and who we are there: one configuration for those who read a target and for who loads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};
use thiserror::Error;
use truth::target::Connect;

/// Why nobody can be trusted as was asked for.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file is not there, or not what it should be.
    #[error("{} holds no {what} in PEM that can be read", path.display())]
    File {
        /// A certificate or a key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// What a file holds cannot be used.
    #[error("the {what} in {} cannot be used", path.display())]
    Unusable {
        /// A certificate or a key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A system without certificates, as in a small container.
    #[error(
        "this system trusts no certificates, so the target's cannot be judged; name those to trust with --cacert FILE"
    )]
    NoRoots,
}

/// What `connect` says, as TLS takes it: one protocol only, and no session is resumed with data before the handshake.
pub fn client_config(connect: &Connect) -> Result<Arc<ClientConfig>, TrustError> {
    let (provider, builder) = begun();
    let mut believed = Believed { provider: Arc::clone(&provider), signed: None, named: Vec::new() };
    if !connect.insecure {
        let (roots, named) = roots(connect.cacert.as_deref())?;
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let signed = signed.expect("there are roots, and no lists of what was revoked");
        (believed.signed, believed.named) = (Some(signed), named);
    }
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(believed));
    let mut config = match connect.cert.as_deref().zip(connect.key.as_deref()) {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let unreadable = |source| TrustError::File { what: "key", path: key.to_path_buf(), source };
            let secret = PrivateKeyDer::from_pem_file(key).map_err(unreadable)?;
            builder
                .with_client_auth_cert(certificates(cert)?, secret)
                .map_err(|source| TrustError::Unusable { what: "key", path: key.to_path_buf(), source })?
        }
    };
    config.alpn_protocols = vec![if connect.http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    Ok(Arc::new(config))
}

/// A configuration in the making, and who does the arithmetic.
fn begun() -> (Arc<CryptoProvider>, ConfigBuilder<ClientConfig, WantsVerifier>) {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider knows the versions of TLS");
    (provider, builder)
}

/// What takes no certificate at all.
pub(super) fn nobody() -> Arc<ClientConfig> {
    let (_, builder) = begun();
    Arc::new(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Whose signature is believed, and the certificates that were named for it.
fn roots(file: Option<&Path>) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TrustError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if roots.is_empty() { Err(TrustError::NoRoots) } else { Ok((roots, Vec::new())) };
    };
    let named = certificates(path)?;
    for certificate in &named {
        roots.add(certificate.clone()).map_err(|source| TrustError::Unusable {
            what: "certificate",
            path: path.to_path_buf(),
            source,
        })?;
    }
    Ok((roots, named))
}

/// All of a file, of which there has to be one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let unreadable = |source| TrustError::File { what: "certificate", path: path.to_path_buf(), source };
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    let read = read.map_err(unreadable)?;
    if read.is_empty() { Err(unreadable(pem::Error::NoItemsFound)) } else { Ok(read) }
}

/// Which certificates are believed. Whoever shows one has to hold its key in any case.
#[derive(Debug)]
struct Believed {
    provider: Arc<CryptoProvider>,
    /// Those signed by whom we trust; none where any is believed, as `--insecure` asks.
    signed: Option<Arc<WebPkiServerVerifier>>,
    /// And a server's own where just that one was named: `openssl req -x509` makes such that call themselves authorities,
    /// which a server's must not.
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Believed {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(signed) = &self.signed else { return Ok(ServerCertVerified::assertion()) };
        match signed.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if self.named.iter().any(|named| named == certificate) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
