"""FastAPI."""

import typing

import common
from fastapi import Cookie, FastAPI, File, Form, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI(title="probe")


class Item(BaseModel):
    name: str
    price: float = 1.5
    tags: typing.List[str] = []


@app.api_route("/echo/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def echo(request: Request, rest: str):
    return {
        "method": request.method,
        "path": request.scope["path"],
        "root": request.scope["root_path"],
        "url": str(request.url),
        "here": str(request.url_for("echo", rest=rest)),
        "rest": rest,
        "args": common.pairs(request.query_params.multi_items()),
        "client": request.client.host,
        "headers": common.pairs(request.headers.items()),
        "body": common.told(await request.body()),
    }


@app.post("/form")
async def form(a: str = Form(""), file: typing.List[UploadFile] = File([])):
    return {"a": a, "files": [[f.filename, f.content_type, common.told(await f.read())] for f in file]}


@app.post("/json")
def document(item: Item, q: typing.List[str] = Query([])):
    return {"item": item, "q": q}


@app.get("/cookies")
def cookies(response: Response, c0: typing.Optional[str] = Cookie(None)):
    response.set_cookie("seen", c0 or "none", httponly=True)
    response.set_cookie("again", "2")
    return {"c0": c0}


@app.get("/bytes/{size}")
def data(size: int):
    return Response(common.data(size), media_type="application/octet-stream")


@app.get("/stream")
async def stream():
    async def rows():
        for row in common.rows():
            yield row

    return StreamingResponse(rows(), media_type="text/csv")


@app.get("/status/{code}")
def status(code: int):
    raise HTTPException(code, detail="status", headers={"X-Status": str(code)})


@app.get("/fails")
def fails():
    raise RuntimeError("probe")
