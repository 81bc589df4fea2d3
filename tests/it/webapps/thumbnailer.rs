//! Visiting the thumbnailer: Flask and Pillow, an upload through a form, an image back.

use crate::picture::{Picture, jpeg_size};
use crate::visitor::{Page, Visitor};

pub(super) fn browse(ada: &mut Visitor) {
    let page = ada.open("/").is(200);
    ada.open("/static/style.css").is(200);
    let upload = |ada: &mut Visitor, name: &str, bytes: &[u8], size: &str| -> Page {
        let form = page.form("image").set("size", size).file("image", name, "image/png", bytes);
        ada.submit(&page, &form)
    };
    let red = Picture::new(300, 100, |_, _| [255, 0, 0]);
    let small = upload(ada, "Rotes Bild.png", &red.png(None), "128").is(200);
    assert_eq!(small.header("content-type"), Some("image/jpeg"));
    assert_eq!(small.header("content-disposition"), Some("inline; filename=\"Rotes_Bild-128.jpeg\""));
    assert_eq!(jpeg_size(&small.answer.bytes), (128, 43));
    // A camera that was held upright.
    let turned = upload(ada, "upright.png", &red.png(Some(6)), "64").is(200);
    assert_eq!(jpeg_size(&turned.answer.bytes), (21, 64));
    // An upload and an answer of some size: noise cannot be packed.
    let noise = Picture::new(900, 900, |column, row| {
        let mixed = (column * 7919 + row * 104_729).wrapping_mul(2_654_435_761) >> 7;
        mixed.to_le_bytes()[..3].try_into().expect("three bytes")
    });
    let noise = noise.png(None);
    assert!(noise.len() > 1024 * 1024, "{} bytes are no test", noise.len());
    assert_eq!(jpeg_size(&upload(ada, "noise.png", &noise, "512").is(200).answer.bytes), (512, 512));

    upload(ada, "not an image.png", b"GIF89a, or so it says", "64")
        .is(415)
        .says(&["not an image.png is not an image this can read."]);
    let cut = red.png(None);
    upload(ada, "half.png", &cut[..cut.len() / 2], "64").is(415);
    ada.submit(&page, &page.form("image")).is(400).says(&["Please choose an image."]);
    let large = vec![0; 4 * 1024 * 1024 + 1];
    upload(ada, "large.png", &large, "64").is(413).says(&["More than 4 MB do not fit."]);
    ada.open("/thumbnail").is(405);
}
