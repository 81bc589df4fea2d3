"""Lambda's layers: their versions and lists, what functions have of them, and what runs with them."""

import base64
import hashlib
import urllib.request

from lambda_kit import (
    REGION,
    ROLE,
    client,
    create,
    equal,
    holds,
    invoke,
    lam,
    layer,
    made,
    name,
    package,
    refused,
    s3,
    settled,
)

INVALID = "InvalidParameterValueException"


def versions_of_layers():
    arn = f"arn:aws:lambda:{REGION}:000000000000:layer:{name('tools')}"
    content = package({"python/tools.py": "WHO = 'one'\n"})
    first = lam.publish_layer_version(
        LayerName=name("tools"),
        Description="first",
        Content={"ZipFile": content},
        CompatibleRuntimes=["python3.13", "java21"],
        CompatibleArchitectures=["arm64"],
        LicenseInfo="MIT",
    )
    equal("arns", (first["LayerArn"], first["LayerVersionArn"], first["Version"]), (arn, f"{arn}:1", 1))
    equal("description", (first["Description"], first["LicenseInfo"]), ("first", "MIT"))
    equal("runtimes", first["CompatibleRuntimes"], ["python3.13", "java21"])
    equal("architectures", first["CompatibleArchitectures"], ["arm64"])
    holds("created has AWS's form", first["CreatedDate"].endswith("+0000"))
    sha256 = base64.b64encode(hashlib.sha256(content).digest()).decode()
    equal("content", (first["Content"]["CodeSha256"], first["Content"]["CodeSize"]), (sha256, len(content)))
    with urllib.request.urlopen(first["Content"]["Location"]) as reply:
        equal("zip at Location", reply.read(), content)
    bucket = name("layers")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="two.zip", Body=package({"python/tools.py": "WHO = 'two'\n"}))
    second = lam.publish_layer_version(LayerName=arn, Content={"S3Bucket": bucket, "S3Key": "two.zip"})
    equal("second version", second["LayerVersionArn"], f"{arn}:2")
    holds("no description", second.get("Description", "") == "")
    got = lam.get_layer_version(LayerName=name("tools"), VersionNumber=1)
    equal("get", {**got, "ResponseMetadata": 0}, {**first, "ResponseMetadata": 0})
    got = lam.get_layer_version_by_arn(Arn=f"{arn}:2")
    equal("get by arn", (got["LayerVersionArn"], got["Content"]), (f"{arn}:2", second["Content"]))
    for _ in range(2):
        lam.delete_layer_version(LayerName=name("tools"), VersionNumber=2)
    gone = "The resource you requested does not exist."
    refused(
        "deleted version",
        "ResourceNotFoundException",
        gone,
        lam.get_layer_version,
        LayerName=name("tools"),
        VersionNumber=2,
    )
    refused("no such layer", "ResourceNotFoundException", gone, lam.get_layer_version_by_arn, Arn=f"{arn}x:1")
    third = layer("tools", {"python/tools.py": "WHO = 'three'\n"})
    equal("numbers never come back", third["Version"], 3)
    lam.delete_layer_version(LayerName=name("tools"), VersionNumber=1)
    lam.delete_layer_version(LayerName=name("tools"), VersionNumber=3)
    equal("no versions", lam.list_layer_versions(LayerName=name("tools"))["LayerVersions"], [])
    equal("nor after the last went", layer("tools", {"python/tools.py": "WHO = 'four'\n"})["Version"], 4)
    zipped = {"ZipFile": content}
    publish = lam.publish_layer_version
    refused("bad name", "ValidationException", "layerName", publish, LayerName="a.b", Content=zipped)
    refused("no source", INVALID, "provide", publish, LayerName="a", Content={})
    refused("no zip", INVALID, "Could not unzip", publish, LayerName="a", Content={"ZipFile": b"no"})
    refused(
        "bad runtime",
        "ValidationException",
        "compatibleRuntimes",
        publish,
        LayerName="a",
        Content=zipped,
        CompatibleRuntimes=["cobol"],
    )
    refused(
        "long description",
        "ValidationException",
        "256",
        publish,
        LayerName="a",
        Content=zipped,
        Description="x" * 257,
    )
    extension = {"ZipFile": package({"extensions/agent": "#!/bin/sh\n"})}
    refused("extensions", "NotImplemented", "extensions", publish, LayerName="a", Content=extension)
    refused(
        "permissions",
        "NotImplemented",
        "permissions of layers",
        lam.add_layer_version_permission,
        LayerName=name("tools"),
        VersionNumber=4,
        StatementId="s",
        Action="lambda:GetLayerVersion",
        Principal="*",
    )


def lists_of_layers():
    layer("list-a", {"a": "1"}, CompatibleRuntimes=["python3.13"], Description="old")
    layer("list-a", {"a": "2"}, CompatibleRuntimes=["nodejs22.x"])
    layer("list-b", {"a": "1"}, CompatibleRuntimes=["python3.13"], CompatibleArchitectures=["x86_64"])

    def listed(**filters):
        pages = lam.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 1}, **filters)
        found = [one for page in pages for one in page["Layers"] if one["LayerName"].startswith(name("list-"))]
        return [(one["LayerName"], one["LatestMatchingVersion"]["Version"]) for one in found]

    equal("all", listed(), [(name("list-a"), 2), (name("list-b"), 1)])
    equal("by runtime", listed(CompatibleRuntime="python3.13"), [(name("list-a"), 1), (name("list-b"), 1)])
    equal("by both", listed(CompatibleRuntime="python3.13", CompatibleArchitecture="x86_64"), [(name("list-b"), 1)])
    versions = [
        (one["Version"], one.get("Description"))
        for page in lam.get_paginator("list_layer_versions").paginate(
            LayerName=name("list-a"), PaginationConfig={"PageSize": 1}
        )
        for one in page["LayerVersions"]
    ]
    equal("newest first", versions, [(2, None), (1, "old")])
    elsewhere = client("lambda", "us-east-1").list_layers()["Layers"]
    holds("layers belong to a region", all(not one["LayerName"].startswith(name("")) for one in elsewhere))
    refused("too many at once", "ValidationException", "50", lam.list_layers, MaxItems=51)


def what_functions_have():
    one = layer("have-one", {"python/one.py": ""})
    two = layer("have-two", {"python/two.py": ""})
    arns = [one["LayerVersionArn"], two["LayerVersionArn"]]
    shown = create("have", {"app.py": "def handler(event, context): ..."}, Layers=arns)
    wanted = [
        {"Arn": arn, "CodeSize": one_of["Content"]["CodeSize"]} for arn, one_of in zip(arns, [one, two], strict=True)
    ]
    equal("after creation", shown["Layers"], wanted)
    function = name("have")
    change = lam.update_function_configuration
    change(FunctionName=function, Timeout=9)
    equal("not given, not changed", settled(function)["Layers"], wanted)
    change(FunctionName=function, Layers=arns[::-1])
    equal("the order is kept", settled(function)["Layers"], wanted[::-1])
    change(FunctionName=function, Layers=[])
    holds("removed", "Layers" not in settled(function))
    missing = f"{one['LayerArn']}:9"
    refused("missing", INVALID, f"Layer version {missing} does not exist.", change, FunctionName=function, Layers=[missing])
    again = layer("have-one", {"python/one.py": "1"})["LayerVersionArn"]
    same = [arns[0], again]
    refused("twice", INVALID, f"{arns[0]} and {again} are versions of the same layer.", change, FunctionName=function, Layers=same)
    six = [f"{arns[0]}{number}" for number in range(6)]
    refused("six", INVALID, "Cannot reference more than 5 layers.", change, FunctionName=function, Layers=six)
    refused("no version", "ValidationException", "at 'layers'", change, FunctionName=function, Layers=[one["LayerArn"]])
    foreign = arns[0].replace("000000000000", "123456789012")
    refused(
        "another account",
        "NotImplemented",
        "layers of other accounts is not supported by the local cloud",
        change,
        FunctionName=function,
        Layers=[foreign],
    )
    refused("in another region", INVALID, f"expected to be in region {REGION}", change, FunctionName=function, Layers=[arns[0].replace(REGION, "us-east-1")])
    code = {"ZipFile": package({"app.py": ""})}
    refused(
        "creation with a missing one",
        INVALID,
        "does not exist",
        lam.create_function,
        FunctionName=name("have-nothing"),
        Runtime="python3.13",
        Role=ROLE,
        Handler="app.handler",
        Code=code,
        Layers=[missing],
    )


def limits():
    """262,144,000 bytes for code and layers together."""
    half = "\0" * 131_072_000
    big = layer("big", {"python/half": half})["LayerVersionArn"]
    other = layer("other", {"python/half": half[1:], "python/x": "x"})["LayerVersionArn"]
    more = layer("more", {"python/byte": "x"})["LayerVersionArn"]
    function = create("limits", {"app.py": "x"}, Layers=[big])["FunctionName"]
    change = lam.update_function_configuration
    together = "exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes."
    refused("layers and code", INVALID, together, change, FunctionName=function, Layers=[big, other])
    only = "Layers consume more than the available size of 262144000 bytes"
    refused("layers alone", INVALID, only, change, FunctionName=function, Layers=[big, other, more])
    code = package({"app.py": half, "more": "x"})
    refused("code later", INVALID, together, lam.update_function_code, FunctionName=function, ZipFile=code)
    lam.update_function_code(FunctionName=function, ZipFile=package({"app.py": half}))
    settled(function)
    role = {"Runtime": "python3.13", "Role": ROLE, "Handler": "app.handler", "Layers": [big]}
    refused("creation", INVALID, together, lam.create_function, FunctionName=name("limits-x"), Code={"ZipFile": code}, **role)


def python():
    below = layer(
        "py-below",
        {
            "python/shared.py": "WHO = 'below'\n",
            "python/own.py": "WHO = 'layer'\n",
            "python/lib/python3.13/site-packages/deep.py": "WHO = 'deep'\n",
            "python/data.txt": "text",
        },
    )
    above = layer("py-above", {"python/shared.py": "WHO = 'above'\n", "bin/tool": "#!/bin/sh\necho tool\n"}, ["bin/tool"])
    code = """
import os, subprocess, sys
import deep, own, shared

def handler(event, context):
    tool = subprocess.run(["tool"], capture_output=True, text=True).stdout.strip()
    folder = os.path.dirname(shared.__file__)
    try:
        open(os.path.join(folder, "new"), "w")
        writable = True
    except OSError:
        writable = os.getuid() == 0
    libraries = os.environ["LD_LIBRARY_PATH"].split(":")[-1] == os.path.join(os.path.dirname(folder), "lib")
    paths = [path for path in sys.path if path.endswith(("site-packages", "/python"))]
    return [shared.WHO, own.WHO, deep.WHO, tool, writable and os.getuid() != 0, libraries, len(sys.argv), len(paths)]
"""
    arns = [below["LayerVersionArn"], above["LayerVersionArn"]]
    create("py", {"app.py": code, "own.py": "WHO = 'code'\n"}, Layers=arns)
    wanted = ["above", "code", "deep", "tool", False, True, 1, 2]
    equal("the later layer over the earlier, the code over both", invoke(name("py"))[0], wanted)
    lam.update_function_configuration(FunctionName=name("py"), Layers=arns[::-1])
    settled(name("py"))
    equal("in the other order", invoke(name("py"))[0][0], "below")
    environment = {"Variables": {"PYTHONPATH": "/opt/more:/var/task"}}
    extra = layer("py-extra", {"more/further.py": "WHO = 'PYTHONPATH'\n"})["LayerVersionArn"]
    more = {"app.py": "import further\ndef handler(event, context):\n    return further.WHO\n"}
    create("py-path", more, Layers=[extra], Environment=environment)
    equal("PYTHONPATH into a layer", invoke(name("py-path"))[0], "PYTHONPATH")


def node():
    below = layer(
        "js-below",
        {
            "nodejs/node_modules/common/index.js": "exports.who = 'below ' + require('inner');",
            "nodejs/node_modules/inner/index.js": "module.exports = 'inner';",
            "nodejs/node_modules/modern/package.json": '{"type": "module", "exports": {"import": "./m.js"}}',
            "nodejs/node_modules/modern/m.js": "import inner from 'inner'; export const who = 'modern ' + inner;",
            "nodejs/util.js": "exports.who = 'util';",
            "nodejs/util.mjs": "export const who = 'util';",
        },
    )
    above = layer("js-above", {"nodejs/node22/node_modules/special/index.js": "exports.who = 'special';"})
    arns = [below["LayerVersionArn"], above["LayerVersionArn"]]
    common = """
const names = ['common', 'special', '/opt/nodejs/util'];
exports.handler = async () => [...names.map((name) => require(name).who), (await import('modern')).who];
"""
    create("js", {"app.js": common}, runtime="nodejs22.x", Layers=arns)
    wanted = ["below inner", "special", "util", "modern inner"]
    equal("require", invoke(name("js"))[0], wanted)
    modern = """
import common from 'common';
import special from 'special';
import { who } from 'modern';
import * as util from '/opt/nodejs/util.mjs';
let missing;
try { await import('nowhere-at-all'); } catch (error) { missing = error.code; }
export const handler = async () => [common.who, special.who, util.who, who, missing, process.argv.length];
"""
    create("mjs", {"app.mjs": modern}, runtime="nodejs22.x", Layers=arns)
    equal("import", invoke(name("mjs"))[0], [*wanted, "ERR_MODULE_NOT_FOUND", 2])
    create("js-none", {"app.js": common}, runtime="nodejs22.x")
    equal("without layers", invoke(name("js-none"))[1]["FunctionError"], "Unhandled")


def own_runtimes():
    bootstrap = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  id=$(curl -sS -D - -o /dev/null "$api/next" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  curl -sS -o /dev/null -X POST -d "\\"$(cat words)\\"" "$api/$id/response"
done
"""
    runtime = layer("sh", {"bootstrap": bootstrap}, ["bootstrap"])["LayerVersionArn"]
    create("sh", {"words": "from the package"}, runtime="provided.al2023", Layers=[runtime])
    equal("a runtime from a layer", invoke(name("sh"))[0], "from the package")
    plain = layer("sh-plain", {"bootstrap": bootstrap})["LayerVersionArn"]
    create("sh-plain", {"words": "x"}, runtime="provided.al2023", Layers=[plain])
    found = invoke(name("sh-plain"))[0]
    holds(f"no exec bit in {found}", "fork/exec /opt/bootstrap: permission denied" in found["errorMessage"])


def deleted_and_frozen():
    files = {"app.py": "import shared\ndef handler(event, context):\n    return shared.WHO\n"}
    one = layer("frozen", {"python/shared.py": "WHO = 'one'\n"})
    function = create("frozen", files, Layers=[one["LayerVersionArn"]])["FunctionName"]
    equal("first version", lam.publish_version(FunctionName=function)["Version"], "1")
    equal("nothing changed", lam.publish_version(FunctionName=function)["Version"], "1")
    two = layer("frozen", {"python/shared.py": "WHO = 'two'\n"})
    lam.update_function_configuration(FunctionName=function, Layers=[two["LayerVersionArn"]])
    settled(function)
    published = lam.publish_version(FunctionName=function)
    equal("other layers are another version", published["Version"], "2")
    settled(function, Qualifier="2")
    for version in [one, two]:
        lam.delete_layer_version(LayerName=name("frozen"), VersionNumber=version["Version"])
    equal("old version", invoke(function, Qualifier="1")[0], "one")
    equal("latest", invoke(function)[0], "two")
    shown = lam.get_function_configuration(FunctionName=function, Qualifier="1")["Layers"]
    equal("still shown", [entry["Arn"] for entry in shown], [one["LayerVersionArn"]])
    gone = [one["LayerVersionArn"]]
    refused("not again", INVALID, "does not exist", lam.update_function_configuration, FunctionName=function, Layers=gone)
    holds("it was made here", function in made)
