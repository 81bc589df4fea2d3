// The Lambda runtime for Node.js of rzap's local cloud.
//
// It speaks the Lambda Runtime API the way AWS's own runtime does: same handler resolution, context,
// error documents, console format, callback and streaming handlers. The AWS SDK is not here unless it
// is packaged. CommonJS modules are looked for only inside the package and its layers; ES modules by
// Node's own rule, which also looks into `node_modules` of the folders above it.
//
// Its argument, if any, is the folder that is `/opt` on AWS. As there, `import` searches NODE_PATH too:
// https://aws.amazon.com/blogs/compute/node-js-18-x-runtime-now-available-in-aws-lambda/
//
// When the Runtime API goes away, it ends.

import fs from 'node:fs';
import http from 'node:http';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

const [HOST, PORT] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const TASK_ROOT = process.env.LAMBDA_TASK_ROOT;
const [OPT] = process.argv.splice(2, 1);
// One line of output is one log event; the local cloud turns this into a line feed inside an event.
const INNER_LINE_FEED = '\x1e';
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

const write = process.stdout.write.bind(process.stdout);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId;

// --- the Runtime API ---

function open(method, target, headers, answered) {
  const request = http.request(
    { host: HOST, port: PORT, agent, method, path: `/2018-06-01/runtime/${target}`, headers },
    (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => answered(response, Buffer.concat(parts)));
    },
  );
  // The local cloud is gone, also when it was killed.
  request.on('error', () => process.exit(0));
  return request;
}

function send(method, target, body, headers) {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const request = open(method, target, { ...headers, ...length }, (response, data) => resolve([response, data]));
    request.end(body);
  });
}

function postError(target, error) {
  const document = describe(error);
  const body = JSON.stringify(document);
  const kind = String(document.errorType).replace(/[^\x20-\x7e]/g, '?');
  return send('POST', target, body, {
    'Content-Type': 'application/vnd.aws.lambda.error+json',
    'Lambda-Runtime-Function-Error-Type': kind,
  });
}

// --- errors and the console ---

function fault(kind, message, cause) {
  const error = new Error(message);
  error.name = `Runtime.${kind}`;
  if (cause?.stack) error.stack = `${error.name}: ${message}\n${cause.stack.split('\n').slice(1).join('\n')}`;
  return error;
}

function isError(value) {
  return util.types.isNativeError(value) || (value?.name && value?.message && typeof value?.stack === 'string');
}

function describe(error) {
  if (isError(error)) {
    return { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function formatted(error) {
  const shown = error instanceof Error ? error : new Error(error);
  const plain = (_, value) =>
    value instanceof Error
      ? {
          errorType: value.name,
          errorMessage: value.message,
          code: value.code,
          ...value,
          stack: String(value.stack).split('\n'),
        }
      : value;
  try {
    return `\t${JSON.stringify(shown, plain)}`;
  } catch {
    return `\t${JSON.stringify(describe(error))}`;
  }
}

function say(level, message, ...rest) {
  const line = `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(message, ...rest)}`;
  write(line.replace(/\n/g, INNER_LINE_FEED) + '\n');
}

for (const [name, level] of Object.entries({
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO',
  log: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  fatal: 'FATAL',
})) {
  console[name] = (message, ...rest) => say(level, message, ...rest);
}

let fail = (error, code) => postError('init/error', error).then(() => process.exit(code));
process.on('uncaughtException', (error) => {
  console.error('Uncaught Exception', formatted(error));
  fail(error, 129);
});
process.on('unhandledRejection', (reason) => {
  const error = fault('UnhandledPromiseRejection', reason?.toString?.() ?? String(reason), reason);
  error.reason = reason;
  console.error('Unhandled Promise Rejection', formatted(error));
  fail(error, 128);
});

// What happens when nothing is left to wait for.
let whenIdle = () => {};
process.on('beforeExit', () => whenIdle());

// --- the handler ---

const roots = OPT === undefined ? [TASK_ROOT] : [TASK_ROOT, OPT];
const lookup = Module._nodeModulePaths;
Module._nodeModulePaths = (from) =>
  lookup(from).filter((folder) => roots.some((root) => folder === root || folder.startsWith(root + path.sep)));

// Makes an ES module resolver look into the layers. It may run on another thread, so it is closed in itself.
function searching({ opt, parents }) {
  const inOpt = (text, prefix) => (text.startsWith(prefix) ? opt + text.slice(prefix.length) : undefined);
  // Gives the first answer of the tries; asynchronous where the tries are.
  const first = (tries, error) => {
    if (tries.length === 0) throw error;
    const next = (other) => {
      if (other.code !== 'ERR_MODULE_NOT_FOUND') throw other;
      return first(tries.slice(1), error ?? other);
    };
    let found;
    try {
      found = tries[0]();
    } catch (other) {
      return next(other);
    }
    return typeof found?.then === 'function' ? found.then(undefined, next) : found;
  };
  return (specifier, context, next) => {
    const path = inOpt(specifier, '/opt/') ?? inOpt(specifier, 'file:///opt/');
    if (path !== undefined) return next(context.conditions?.includes('require') ? specifier : path, context);
    const bare = /^(?![a-z]+:|\.{0,2}\/)/.test(specifier);
    const others = bare ? parents.map((parentURL) => () => next(specifier, { ...context, parentURL })) : [];
    return first([() => next(specifier, context), ...others]);
  };
}

if (OPT !== undefined) {
  const resolveFilename = Module._resolveFilename;
  Module._resolveFilename = (request, ...rest) =>
    resolveFilename.call(Module, request.startsWith('/opt/') ? OPT + request.slice('/opt'.length) : request, ...rest);
  const folders = (process.env.NODE_PATH ?? '').split(path.delimiter);
  const searched = folders.filter((folder) => path.basename(folder) === 'node_modules');
  const parents = searched.map((folder) => pathToFileURL(path.join(path.dirname(folder), 'index.js')).href);
  const data = { opt: `${pathToFileURL(OPT).href}/`, parents };
  if (Module.registerHooks) {
    Module.registerHooks({ resolve: searching(data) });
  } else {
    const source = `${searching}\nexport let resolve;\nexport const initialize = (data) => { resolve = searching(data); };`;
    Module.register?.(`data:text/javascript,${encodeURIComponent(source)}`, { data });
  }
}

function isEsModule(folder) {
  for (; !folder.endsWith(`${path.sep}node_modules`); folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
      } catch {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`);
        return false;
      }
    }
    if (folder === TASK_ROOT || folder === path.dirname(folder)) return false;
  }
  return false;
}

async function loadModule(root, name) {
  const require = createRequire(path.join(TASK_ROOT, 'index.js'));
  const base = path.resolve(TASK_ROOT, root, name);
  const found = (extension) => fs.existsSync(base + extension) && fs.statSync(base + extension).isFile();
  if (found('')) return require(base);
  const esModule = found('.js') && isEsModule(path.dirname(base));
  if (found('.js') && !esModule) return require(`${base}.js`);
  if (esModule) return import(`${base}.js`);
  if (found('.mjs')) return import(`${base}.mjs`);
  if (found('.cjs')) return require(`${base}.cjs`);
  return require(require.resolve(name, { paths: [TASK_ROOT, path.resolve(TASK_ROOT, root)] }));
}

async function load(handler) {
  if (handler.includes('..')) {
    const hint = 'Use absolute paths when specifying root directories in handler names.';
    throw fault('MalformedHandlerName', `'${handler}' is not a valid handler name. ${hint}`);
  }
  const file = path.basename(handler);
  const root = handler.slice(0, handler.lastIndexOf(file));
  const parts = /^([^.]*)\.(.*)$/.exec(file);
  if (!parts) throw fault('MalformedHandlerName', 'Bad handler');
  let module;
  try {
    module = await loadModule(root, parts[1]);
  } catch (error) {
    if (error instanceof SyntaxError) throw fault('UserCodeSyntaxError', String(error), error);
    // Without a code of its own: an ES module that is missing is reported as AWS's runtime reports it.
    if (error?.code === 'MODULE_NOT_FOUND') throw fault('ImportModuleError', String(error), error);
    throw error;
  }
  const found = parts[2].split('.').reduce((nested, key) => nested?.[key], module);
  if (!found) throw fault('HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw fault('HandlerNotFound', `${handler} is not a function`);
  const major = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)?.[1]);
  if (major >= 24 && found.length >= 3 && !found[STREAMING] && found.constructor?.name !== 'AsyncFunction') {
    throw fault(
      'CallbackHandlerDeprecated',
      'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to ' +
        'modify this function to use a supported handler signature to use Node.js 24 or later.',
    );
  }
  return found;
}

globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: 'response' }),
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      stream.write(JSON.stringify(prelude));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

// --- invocations ---

function makeContext(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  // Node reads header bytes as latin-1; these are UTF-8.
  const json = (name) =>
    headers[name] === undefined ? undefined : JSON.parse(Buffer.from(headers[name], 'latin1').toString('utf8'));
  return {
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    clientContext: json('lambda-runtime-client-context'),
    identity: json('lambda-runtime-cognito-identity'),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

// Runs a handler that answers with a value. Resolves when the answer has been posted.
function runBuffered(handler, event, context) {
  return new Promise((posted) => {
    let answered = false;
    const once = (act) => (...values) => {
      if (answered) return;
      answered = true;
      whenIdle = () => {};
      act(...values);
    };
    const reject = (error) => {
      console.error('Invoke Error', formatted(error));
      postError(`invocation/${context.awsRequestId}/error`, error).then(posted);
    };
    const respond = (result) => {
      let body;
      try {
        body = JSON.stringify(result === undefined ? null : result) ?? 'null';
      } catch (error) {
        return reject(error);
      }
      const headers = { 'Content-Type': 'application/json' };
      send('POST', `invocation/${context.awsRequestId}/response`, body, headers).then(posted);
    };
    const done = once((error, result) => (error === undefined || error === null ? respond(result) : reject(error)));
    const settle = once(respond);
    const refuse = once(reject);
    context.callbackWaitsForEmptyEventLoop = true;
    context.done = done;
    context.succeed = settle;
    context.fail = (error) => refuse(error ?? 'handled');
    let called = false;
    const callback = (error, result) => {
      if (called) return;
      called = true;
      const failed = error !== undefined && error !== null;
      if (failed || !context.callbackWaitsForEmptyEventLoop) done(error, result);
      else whenIdle = () => setImmediate(() => done(null, result));
    };
    // A handler that never answers has answered null once nothing is left to do.
    whenIdle = () => settle(null);
    fail = (error, code) =>
      postError(`invocation/${context.awsRequestId}/error`, error).then(() => process.exit(code));
    try {
      const result = handler(event, context, callback);
      if (typeof result?.then === 'function') result.then(settle, refuse);
    } catch (error) {
      refuse(error);
    }
  });
}

// Runs a handler that writes its answer to a stream.
async function runStreaming(handler, event, context) {
  let sent;
  const target = `invocation/${context.awsRequestId}/response`;
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Lambda-Runtime-Function-Response-Mode': 'streaming',
    'Transfer-Encoding': 'chunked',
    Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
  };
  const posted = new Promise((resolve) => (sent = resolve));
  const stream = open('POST', target, headers, sent);
  stream.setContentType = (type) => stream.setHeader('Content-Type', type);
  try {
    await handler(event, stream, context);
    if (!stream.writableEnded) stream.end();
  } catch (error) {
    console.error('Invoke Error', formatted(error));
    const document = describe(error);
    stream.addTrailers({
      'Lambda-Runtime-Function-Error-Type': String(document.errorType),
      'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(document)).toString('base64'),
    });
    stream.end();
  }
  await posted;
}

async function main() {
  let handler;
  try {
    handler = await load(process.env._HANDLER);
  } catch (error) {
    console.error('Uncaught Exception', formatted(error));
    await postError('init/error', error);
    process.exit(error?.name?.startsWith?.('Runtime.') ? 1 : 129);
  }
  for (;;) {
    const [response, body] = await send('GET', 'invocation/next');
    requestId = response.headers['lambda-runtime-aws-request-id'];
    if (requestId === undefined) process.exit(0);
    process.env._X_AMZN_TRACE_ID = response.headers['lambda-runtime-trace-id'] ?? '';
    const context = makeContext(response.headers);
    const event = JSON.parse(body.toString('utf8'));
    if (handler[STREAMING]) await runStreaming(handler, event, context);
    else await runBuffered(handler, event, context);
  }
}

main();
