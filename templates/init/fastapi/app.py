import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


class Item(BaseModel):
    name: str = Field(min_length=1)
    price: float = Field(ge=0)


@asynccontextmanager
async def lifespan(app):
    # Runs once in each instance of the function, before its first request. What is kept here goes with the
    # instance: data that stays belongs into a database.
    app.state.items = {}
    yield


app = FastAPI(title="{{app}}", lifespan=lifespan)


@app.get("/")
def index():
    return {"hello": "world", "docs": "/docs"}


@app.put("/items/{key}")
def put_item(key: str, item: Item) -> Item:
    app.state.items[key] = item
    return item


@app.get("/items/{key}")
def get_item(key: str) -> Item:
    if key not in app.state.items:
        raise HTTPException(404, "no such item")
    return app.state.items[key]


@app.get("/count/{to}")
def count(to: int):
    async def lines():
        for number in range(1, to + 1):
            yield f"{number}\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(lines(), media_type="text/plain")
