//! The provider against the vectors of the standards that it implements.

mod hex;

use spotproto::crypto::{
    Aead, BadTag, Crypto, LowOrder, PublicKey, RustCrypto, SecretKey, Signature, VerifyingKey,
};

type Cipher = <RustCrypto as Crypto>::Aead;

fn agree(secret: &str, public: &str) -> [u8; 32] {
    RustCrypto::agree(&SecretKey(hex::array(secret)), &PublicKey(hex::array(public))).unwrap().0
}

// RFC 8439 §2.8.2
#[test]
fn sealing_agrees_with_rfc_8439() {
    let key = SecretKey(core::array::from_fn(|i| 0x80 + i as u8));
    let nonce = hex::array("070000004041424344454647");
    let associated = hex::bytes("50515253c0c1c2c3c4c5c6c7");
    let clear =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    let sealed = hex::bytes(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
         3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
         92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
         3ff4def08e4b7a9de576d26586cec64b6116",
    );
    let cipher = Cipher::new(&key);
    let mut text = clear.to_vec();
    let tag = cipher.seal(&nonce, &associated, &mut text);
    assert_eq!(text, sealed);
    assert_eq!(tag, hex::array("1ae10b594f09e26a7e902ecbd0600691"));

    assert_eq!(cipher.open(&nonce, b"", &mut text.clone(), &tag), Err(BadTag));
    cipher.open(&nonce, &associated, &mut text, &tag).unwrap();
    assert_eq!(text, clear);
}

// RFC 7748 §5.2
#[test]
fn agreement_agrees_with_rfc_7748() {
    assert_eq!(
        agree(
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"
        ),
        hex::array("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    );
    // Its top bit is set, and has to be ignored.
    assert_eq!(
        agree(
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"
        ),
        hex::array("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")
    );
}

// RFC 7748 §5.2
#[test]
fn a_thousand_agreements_agree_with_rfc_7748() {
    let base = hex::array("0900000000000000000000000000000000000000000000000000000000000000");
    let (mut k, mut u) = (base, base);
    for round in 1..=1000 {
        let next = RustCrypto::agree(&SecretKey(k), &PublicKey(u)).unwrap().0;
        (u, k) = (k, next);
        if round == 1 {
            assert_eq!(k, hex::array("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
        }
    }
    assert_eq!(k, hex::array("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

// RFC 7748 §6.1
#[test]
fn both_sides_agree_as_in_rfc_7748() {
    let alice = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
    let bob = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
    let alices = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
    let bobs = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
    let shared = hex::array("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(RustCrypto::public_key(&SecretKey(hex::array(alice))), PublicKey(hex::array(alices)));
    assert_eq!(RustCrypto::public_key(&SecretKey(hex::array(bob))), PublicKey(hex::array(bobs)));
    assert_eq!(agree(alice, bobs), shared);
    assert_eq!(agree(bob, alices), shared);
}

// RFC 7748 §6.1: all small-order points of the curve, as https://cr.yp.to/ecdh.html lists them for code that
// ignores the top bit (RFC 7748 §5).
#[test]
fn no_low_order_point_agrees() {
    for digits in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        for top_bit in [0, 0x80] {
            let mut point: [u8; 32] = hex::array(digits);
            point[31] |= top_bit;
            let agreed = RustCrypto::agree(&SecretKey([0x42; 32]), &PublicKey(point));
            assert_eq!(agreed.map(|_| ()), Err(LowOrder), "{digits}");
        }
    }
}

// RFC 8032 §7.1, tests 1 to 3
#[test]
fn signing_agrees_with_rfc_8032() {
    for [seed, key, message, signature] in [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ] {
        let seed = SecretKey(hex::array(seed));
        let key = VerifyingKey(hex::array(key));
        let message = hex::bytes(message);
        let mut signature = Signature(hex::array(signature));
        assert_eq!(RustCrypto::verifying_key(&seed), key);
        assert_eq!(RustCrypto::sign(&seed, &message), signature);
        assert!(RustCrypto::verify(&key, &message, &signature));
        signature.0[0] ^= 1;
        assert!(!RustCrypto::verify(&key, &message, &signature));
    }
}

// RFC 8032 §5.1.7: S must be below the order of the group, or every signature would have a second form.
#[test]
fn a_malleable_signature_is_refused() {
    let order: [u8; 32] = hex::array("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let seed = SecretKey([1; 32]);
    let mut signature = RustCrypto::sign(&seed, b"text");
    let mut carry = 0;
    for (byte, add) in signature.0[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert!(!RustCrypto::verify(&RustCrypto::verifying_key(&seed), b"text", &signature));
}

// A key of small order would let one signature pass for many texts.
#[test]
fn a_verifying_key_of_small_order_verifies_nothing() {
    let mut identity = VerifyingKey([0; 32]);
    identity.0[0] = 1;
    let mut signature = Signature([0; 64]);
    signature.0[0] = 1;
    assert!(!RustCrypto::verify(&identity, b"text", &signature));
}

// RFC 4231 §4.2, §4.3, §4.4, §4.7
#[test]
fn keyed_hashing_agrees_with_rfc_4231() {
    for (key, text, digest) in [
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (vec![0xaa; 20], vec![0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ] {
        assert_eq!(RustCrypto::hmac(&key, &[&text]), hex::array(digest));
        let (front, back) = text.split_at(3);
        assert_eq!(RustCrypto::hmac(&key, &[front, &[], back]), hex::array(digest), "in parts");
    }
}

// FIPS 180-4, the example of one block
#[test]
fn hashing_agrees_with_fips_180_4() {
    let digest = hex::array("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(RustCrypto::hash(&[b"abc"]), digest);
    assert_eq!(RustCrypto::hash(&[b"a", b"", b"bc"]), digest, "in parts");
}
