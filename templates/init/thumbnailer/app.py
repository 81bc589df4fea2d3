import io

from flask import Flask, abort, render_template, request, send_file
from PIL import Image, ImageOps, UnidentifiedImageError

app = Flask(__name__)
# A request to Lambda has at most 6 MB, and an image in it needs a third more.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
app.config["MAX_CONTENT_LENGTH"] = 4 * 1024 * 1024

SIZE = (256, 256)


@app.get("/")
def index():
    return render_template("index.html")


@app.post("/thumbnail")
def thumbnail():
    upload = request.files.get("image")
    if upload is None or not upload.filename:
        abort(400, "no image was sent")
    try:
        # Cameras store a photo as the sensor saw it, and beside it how it was held.
        image = ImageOps.exif_transpose(Image.open(upload.stream))
        image.thumbnail(SIZE)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError):
        abort(415, "this is no image that can be read")
    body = io.BytesIO()
    image.convert("RGB").save(body, "JPEG", quality=85)
    body.seek(0)
    return send_file(body, mimetype="image/jpeg", download_name="thumbnail.jpg")
