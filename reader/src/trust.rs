//! TLS configuration, for the readers of a target and for the load: trusted certificates and the
//! client's own.

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

/// Reason why the certificates of `--cacert`, `--cert` or `--key` cannot be used.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file is missing, or does not hold PEM of this kind.
    #[error("cannot read a {what} in PEM from {}", path.display())]
    File {
        /// `certificate` or `key`.
        what: &'static str,
        /// File.
        path: PathBuf,
        /// Cause.
        source: pem::Error,
    },
    /// The content of the file cannot be used.
    #[error("the {what} in {} cannot be used", path.display())]
    Unusable {
        /// `certificate` or `key`.
        what: &'static str,
        /// File.
        path: PathBuf,
        /// Cause.
        source: rustls::Error,
    },
    /// The system has no certificates, as in a small container.
    #[error(
        "this system has no trusted certificates to verify the target's with; name some with --cacert FILE"
    )]
    NoRoots,
}

/// Returns the TLS configuration of `connect`: one protocol only, and no early data.
pub fn client_config(connect: &Connect) -> Result<Arc<ClientConfig>, TrustError> {
    let (provider, builder) = begun();
    let mut trusted =
        TrustedCertificates { provider: Arc::clone(&provider), signed: None, named: Vec::new() };
    if !connect.insecure {
        let (roots, named) = roots(connect.cacert.as_deref())?;
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let signed = signed.expect("there are roots, and no lists of what was revoked");
        trusted.signed = Some(signed);
        trusted.named = named;
    }
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(trusted));
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

/// Begins a configuration, and returns it with its cryptography.
fn begun() -> (Arc<CryptoProvider>, ConfigBuilder<ClientConfig, WantsVerifier>) {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider knows the versions of TLS");
    (provider, builder)
}

/// Returns a configuration that accepts no certificate.
pub(super) fn nobody() -> Arc<ClientConfig> {
    let (_, builder) = begun();
    Arc::new(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Returns the trusted roots, and the certificates of the file if there is one.
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

/// Reads all certificates of a file, which must hold at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let unreadable = |source| TrustError::File { what: "certificate", path: path.to_path_buf(), source };
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    let read = read.map_err(unreadable)?;
    if read.is_empty() { Err(unreadable(pem::Error::NoItemsFound)) } else { Ok(read) }
}

/// Verifier of the target's certificate. The target must hold the certificate's key in any case.
#[derive(Debug)]
struct TrustedCertificates {
    provider: Arc<CryptoProvider>,
    /// Verifier of signatures; none with `--insecure`, which accepts any certificate.
    signed: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates of `--cacert`, one of which may be the server's own. `openssl req -x509` makes
    /// certificates that call themselves authorities, which a verifier of signatures does not
    /// accept from a server.
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for TrustedCertificates {
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
