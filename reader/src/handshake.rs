//! Failures of TLS in words, for the readers of a target and for the load, each with its remedy.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// Remedies.
const TRUST_IT: &str =
    "name the authority with --cacert FILE, or skip certificate verification with --insecure";
const SIGN_IT: &str = "give the target a certificate that this one signed, or skip certificate verification with \
                       --insecure";
const NAME_IT: &str =
    "use a host that the certificate names, or skip certificate verification with --insecure";
const RENEW_IT: &str = "renew it, or skip certificate verification with --insecure";
const REPLACE_IT: &str =
    "give the target another certificate, or skip certificate verification with --insecure";
const SHOW_ONE: &str = "give one that it accepts with --cert FILE and --key FILE";
const UPDATE_IT_OR_SHOW_ONE: &str = "let the target offer TLS 1.2 or 1.3 with modern ciphers, and \
                                     a key of RSA, P-256, P-384 or Ed25519 (one of P-521 works \
                                     with --insecure only); if it asks for a client certificate, \
                                     give another one";
const UPDATE_IT: &str = "let the target offer TLS 1.2 or 1.3 with modern ciphers";
const OTHER_HTTP: &str = "leave --http2 out if it speaks only HTTP/1.1, or use it if it speaks only HTTP/2";
const WITHOUT_TLS: &str = "use http:// for a target without TLS";
const SEE_LOG: &str = "see the target's log";

/// Failure of TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failed {
    /// Reason, to follow the target's name.
    pub reason: String,
    /// Remedy.
    pub remedy: &'static str,
}

impl Failed {
    fn new(reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { reason: reason.into(), remedy }
    }

    /// Finds a failure of TLS in an error or its causes.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref() {
            return Some(Self::of(error));
        }
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // Such an error names the cause of its content as its own, and not its content.
            Some(content) => Self::find(content),
            None => Self::find(error.source()?),
        }
    }

    fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => untrusted(why),
            rustls::Error::AlertReceived(alert) => alerted(*alert),
            rustls::Error::NoApplicationProtocol => alerted(AlertDescription::NoApplicationProtocol),
            rustls::Error::InvalidMessage(_) => {
                Self::new(format!("the response is not TLS ({error})"), WITHOUT_TLS)
            }
            rustls::Error::PeerIncompatible(_) => {
                Self::new(format!("its TLS does not fit ({error})"), UPDATE_IT)
            }
            _ => Self::new(format!("TLS failed ({error})"), SEE_LOG),
        }
    }
}

/// Returns the meaning of an alert, which the target sent before it closed the connection.
fn alerted(alert: AlertDescription) -> Failed {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired => Failed::new("it asks for a client certificate", SHOW_ONE),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        // A signature is wrong, and the client signs nothing but its certificate.
        | Alert::DecryptError
        | Alert::AccessDenied => Failed::new(
            format!("it does not accept the certificate of the client, or that there is none (alert {alert:?})"),
            SHOW_ONE,
        ),
        Alert::HandshakeFailure => {
            Failed::new("it broke off the TLS handshake (alert HandshakeFailure)", UPDATE_IT_OR_SHOW_ONE)
        }
        Alert::NoApplicationProtocol => {
            Failed::new("it does not support the protocol over TLS that was asked for", OTHER_HTTP)
        }
        Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            Failed::new(format!("its TLS does not fit (alert {alert:?})"), UPDATE_IT)
        }
        _ => Failed::new(format!("it broke off TLS (alert {alert:?})"), SEE_LOG),
    }
}

/// Returns the reason why a certificate is not trusted. Errors of the library that list the numbers
/// of algorithms are told in words.
fn untrusted(why: &CertificateError) -> Failed {
    use CertificateError as Why;
    match why {
        Why::UnknownIssuer => Failed::new("its certificate is not signed by a trusted authority", TRUST_IT),
        Why::BadSignature => Failed::new(
            "a signature of its certificate, or with its key, is wrong, or is by a key of less than 2,048 bits",
            TRUST_IT,
        ),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            Failed::new(format!("its certificate is not for the host in the URL ({why})"), NAME_IT)
        }
        Why::Expired | Why::ExpiredContext { .. } => Failed::new("its certificate has expired", RENEW_IT),
        Why::NotValidYet | Why::NotValidYetContext { .. } => Failed::new(
            "its certificate is not valid yet",
            "set the clocks, or skip certificate verification with --insecure",
        ),
        Why::UnsupportedSignatureAlgorithmContext { .. }
        | Why::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Failed::new(
            "its certificate is signed in a way that is not trusted, such as with SHA-1 or a key of 1,024 bits",
            REPLACE_IT,
        ),
        Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => {
            Failed::new("its certificate is not one for servers", REPLACE_IT)
        }
        // The library has no variants of their own for these.
        Why::Other(other) if other.0.to_string().contains("CaUsedAsEndEntity") => Failed::new(
            "its certificate is an authority's and not a server's, as most self-signed ones are",
            SIGN_IT,
        ),
        Why::Other(other) if other.0.to_string().contains("UnsupportedCertVersion") => {
            Failed::new("its certificate is of X.509 version 1, expected version 3", REPLACE_IT)
        }
        _ => Failed::new(format!("its certificate is not trusted: {why}"), TRUST_IT),
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::alg_id;

    use super::*;

    fn found(error: rustls::Error) -> Failed {
        Failed::find(&io::Error::new(io::ErrorKind::InvalidData, error)).unwrap()
    }

    #[test]
    fn a_failure_is_found_in_the_causes_of_an_error() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let failed = Failed::find(&Outer(io::Error::other(alert))).unwrap();
        assert_eq!(failed, Failed::new("it asks for a client certificate", SHOW_ONE));
        assert_eq!(Failed::find(&Outer(io::ErrorKind::ConnectionRefused.into())), None);
    }

    #[test]
    fn no_message_lists_the_numbers_of_algorithms() {
        let with_lists = [
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![6, 9, 42],
                supported_algorithms: vec![alg_id::ED25519, alg_id::ECDSA_P256],
            },
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: vec![6, 9, 42],
                public_key_algorithm_id: vec![6, 9, 42],
            },
            CertificateError::InvalidPurposeContext {
                required: rustls::ExtendedKeyPurpose::ServerAuth,
                presented: vec![rustls::ExtendedKeyPurpose::Other(vec![1, 3, 6])],
            },
        ];
        for why in with_lists {
            let Failed { reason, remedy } = found(rustls::Error::InvalidCertificate(why));
            assert!(!reason.contains(['[', '.']) && !reason.contains("0x"), "{reason}");
            assert!(remedy.contains("--insecure"), "{remedy}");
        }
    }
}
