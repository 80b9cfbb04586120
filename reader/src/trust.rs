//! TLS configuration, for the readers of a target and for the load: trusted certificates and the
//! client's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, SupportedKxGroup, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, NamedGroup, RootCertStore,
    SignatureScheme, WantsVerifier,
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
    /// The key is encrypted.
    #[error(
        "the key in {} is encrypted; expected one without a passphrase, as `openssl pkey -in {} -out plain.key` \
         makes it",
        path.display(),
        path.display()
    )]
    Encrypted {
        /// File.
        path: PathBuf,
    },
    /// The system has no certificates, as in a small container.
    #[error(
        "this system has no trusted certificates to verify the target's with; name some with --cacert FILE"
    )]
    NoRoots,
}

/// TLS of one target.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Configuration: one protocol only, and no early data.
    pub config: Arc<ClientConfig>,
    identity: Arc<Identity>,
}

impl Trust {
    /// Returns the TLS that `connect` asks for.
    pub fn of(connect: &Connect) -> Result<Self, TrustError> {
        let (provider, builder) = begun(provider(connect.insecure));
        let verifier: Arc<dyn ServerCertVerifier> = if connect.insecure {
            Arc::new(AnyCertificate { provider: Arc::clone(&provider) })
        } else {
            let (roots, named) = roots(connect.cacert.as_deref())?;
            let roots = Arc::new(roots);
            let signed = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            let signed = signed.expect("there are roots, and no lists of what was revoked");
            Arc::new(TrustedCertificates { provider: Arc::clone(&provider), signed, named })
        };
        let identity = Arc::new(Identity::of(connect, &provider)?);
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = builder.with_client_cert_resolver(Arc::<Identity>::clone(&identity));
        config.alpn_protocols = vec![if connect.http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        Ok(Self { config: Arc::new(config), identity })
    }

    /// True once the target has asked for a certificate of the client, in any handshake. With
    /// TLS 1.3 it says only after the handshake that it does not accept the one that it got, or
    /// none.
    pub fn was_asked(&self) -> bool {
        self.identity.was_asked.load(Ordering::Relaxed)
    }

    /// True once the target has asked for a certificate that the client does not have.
    pub fn was_asked_in_vain(&self) -> bool {
        self.was_asked() && self.identity.shown.is_none()
    }
}

/// Certificate and key of the client, if it has them.
#[derive(Debug)]
struct Identity {
    shown: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl Identity {
    fn of(connect: &Connect, provider: &CryptoProvider) -> Result<Self, TrustError> {
        let was_asked = AtomicBool::new(false);
        let Some((cert, key)) = connect.cert.as_deref().zip(connect.key.as_deref()) else {
            return Ok(Self { shown: None, was_asked });
        };
        let shown = CertifiedKey::from_der(certificates(cert)?, secret(key)?, provider)
            .map_err(|source| TrustError::Unusable { what: "key", path: key.to_path_buf(), source })?;
        Ok(Self { shown: Some(Arc::new(shown)), was_asked })
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.shown.clone()
    }

    fn has_certs(&self) -> bool {
        self.shown.is_some()
    }
}

/// Reads the key of a file.
fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, TrustError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| {
        // The library finds no key in a file whose key is encrypted, or none that it can decode.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
            TrustError::Encrypted { path: path.to_path_buf() }
        } else {
            TrustError::File { what: "key", path: path.to_path_buf(), source }
        }
    })
}

/// Returns the cryptography, with all curves of certificates if any certificate will do.
fn provider(insecure: bool) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if insecure {
        provider.kx_groups.push(&OfCertificates);
    }
    provider
}

/// Begins a configuration, and returns it with its cryptography.
fn begun(provider: CryptoProvider) -> (Arc<CryptoProvider>, ConfigBuilder<ClientConfig, WantsVerifier>) {
    let provider = Arc::new(provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider knows the versions of TLS");
    (provider, builder)
}

/// Returns a configuration that accepts no certificate.
pub(super) fn nobody() -> Arc<ClientConfig> {
    let (_, builder) = begun(ring::default_provider());
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

/// Verifier of the target's certificate.
#[derive(Debug)]
struct TrustedCertificates {
    provider: Arc<CryptoProvider>,
    /// Verifier of signatures.
    signed: Arc<WebPkiServerVerifier>,
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
        match self.signed.verify_server_cert(certificate, between, name, ocsp, now) {
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

/// Curve P-521, of which a certificate may have a key. TLS 1.2 has one list for the curves of
/// certificates and of key exchanges, and a server shows no certificate of a curve that is not on it.
/// The library exchanges no keys over this one, so it stands last.
#[derive(Debug)]
struct OfCertificates;

impl SupportedKxGroup for OfCertificates {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, rustls::Error> {
        Err(rustls::Error::General("key exchange over P-521 is not supported".to_owned()))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }
}

/// Verifier for `--insecure`. It does not read the certificate at all, because a library that does
/// refuses old ones: of X.509 version 1, or with a key of 1,024 bits. A signature with a key that
/// anybody may have made proves nothing, so it is not verified either.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.provider.signature_verification_algorithms.supported_schemes();
        schemes.extend([
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1_Legacy,
        ]);
        schemes
    }
}
