//! Signatures of requests: HMAC over a text that the scenario describes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use thiserror::Error;

use super::secrets::{Secrets, guard};
use super::template::{Fill, FillError, Fit, Template};

/// Signature of a request: `{{signature}}` in header fields.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Secret; only environment variables have values here.
    pub secret: Template,
    /// Encoding of the secret.
    #[serde(default = "text", skip_serializing_if = "is_text")]
    pub secret_is: SecretEncoding,
    /// Text that is signed. `{{body}}` is the body before it is packed.
    pub over: Template,
    /// Encoding of the signature.
    #[serde(rename = "as", default = "hex_digits", skip_serializing_if = "is_hex")]
    pub encoding: Encoding,
}

fn text() -> SecretEncoding {
    SecretEncoding::Text
}

fn is_text(encoding: &SecretEncoding) -> bool {
    *encoding == SecretEncoding::Text
}

fn hex_digits() -> Encoding {
    Encoding::Hex
}

fn is_hex(encoding: &Encoding) -> bool {
    *encoding == Encoding::Hex
}

/// Algorithm of a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// Encoding of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretEncoding {
    /// The bytes of the text.
    Text,
    /// Base64.
    Base64,
    /// Hexadecimal digits.
    Hex,
}

/// Encoding of a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Hexadecimal digits in small letters.
    Hex,
    /// Base64.
    Base64,
}

/// Error of a secret that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignError {
    /// The secret has no value.
    #[error("target.publish.sign.secret: {0}")]
    Secret(#[from] FillError),
    /// The secret is not in its encoding; it is not repeated.
    #[error("target.publish.sign.secret is not {expected}, as secret_is says")]
    Encoding {
        /// Encoding that was expected.
        expected: &'static str,
    },
}

/// Maker of signatures, with its secret.
pub struct Signer {
    algorithm: Algorithm,
    key: Vec<u8>,
    over: Template,
    encoding: Encoding,
}

impl Signer {
    /// Returns a maker of these signatures.
    pub fn new(sign: &Sign, secrets: &Secrets) -> Result<Self, SignError> {
        let mut secret = Vec::new();
        sign.secret.write(Fit::Text, secrets, &mut secret)?;
        let refuse = |expected| SignError::Encoding { expected };
        let key = match sign.secret_is {
            SecretEncoding::Text => secret,
            SecretEncoding::Base64 => STANDARD.decode(&secret).map_err(|_| refuse("base64"))?,
            SecretEncoding::Hex => unhex(&secret).ok_or_else(|| refuse("hexadecimal digits"))?,
        };
        if let Ok(text) = std::str::from_utf8(&key) {
            guard("target.publish.sign.secret", text);
        }
        Ok(Self { algorithm: sign.algorithm, key, over: sign.over.clone(), encoding: sign.encoding })
    }

    /// Returns the signature of a request with these values.
    pub fn sign<F: Fill>(&self, values: &F) -> Result<String, FillError> {
        let mut text = Vec::new();
        self.over.write(Fit::Text, values, &mut text)?;
        let code = match self.algorithm {
            Algorithm::HmacSha1 => code::<Hmac<Sha1>>(&self.key, &text),
            Algorithm::HmacSha256 => code::<Hmac<Sha256>>(&self.key, &text),
            Algorithm::HmacSha512 => code::<Hmac<Sha512>>(&self.key, &text),
        };
        Ok(match self.encoding {
            Encoding::Hex => code.iter().map(|byte| format!("{byte:02x}")).collect(),
            Encoding::Base64 => STANDARD.encode(code),
        })
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("algorithm", &self.algorithm).field("over", &self.over).finish()
    }
}

fn code<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(
        algorithm: Algorithm,
        secret: &str,
        secret_is: SecretEncoding,
        encoding: Encoding,
    ) -> String {
        let over = Template::literal("what do ya want for nothing?");
        let sign = Sign { algorithm, secret: Template::literal(secret), secret_is, over, encoding };
        Signer::new(&sign, &Secrets::none()).unwrap().sign(&Secrets::none()).unwrap()
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 2202, test case 2, and RFC 4231, test case 2.
        let of = |algorithm| signature(algorithm, "Jefe", SecretEncoding::Text, Encoding::Hex);
        assert_eq!(of(Algorithm::HmacSha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(of(Algorithm::HmacSha256), sha256);
        assert!(
            of(Algorithm::HmacSha512)
                .starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554")
        );
        for (secret, encoding) in [("4a656665", SecretEncoding::Hex), ("SmVmZQ==", SecretEncoding::Base64)] {
            assert_eq!(signature(Algorithm::HmacSha256, secret, encoding, Encoding::Hex), sha256);
        }
        let base64 = signature(Algorithm::HmacSha256, "Jefe", SecretEncoding::Text, Encoding::Base64);
        assert_eq!(base64, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn a_secret_that_is_not_in_its_encoding_is_refused_without_being_shown() {
        for (secret_is, says) in [(SecretEncoding::Base64, "base64"), (SecretEncoding::Hex, "hexadecimal")] {
            let over = Template::literal("");
            let secret = Template::literal("hunter2!");
            let sign =
                Sign { algorithm: Algorithm::HmacSha1, secret, secret_is, over, encoding: Encoding::Hex };
            let error = Signer::new(&sign, &Secrets::none()).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
        }
    }
}
