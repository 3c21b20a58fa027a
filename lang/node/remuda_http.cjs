// SPDX-License-Identifier: Apache-2.0
//
// Lets an application of Node.js that was written to listen at a port of its own run as an instance of Remuda,
// unmodified: the first server that it lets listen is given the socket that Remuda has opened for it, descriptor 0.
//
//     node --require remuda_http.cjs app.js
//
// server.address() says what the application asked for, because programs print it. Further servers listen where they
// want to. Processes that the application forks are left alone: the socket is not theirs.
'use strict';

const fs = require('node:fs');
const net = require('node:net');

const kSocket = 0;
const listen = net.Server.prototype.listen;
let given = false;

// What listen() was asked for, as address() would have said it.
function asked(args) {
  const options = typeof args[0] === 'object' && args[0] !== null ? args[0] : { port: args[0], host: args[1] };
  const host = typeof options.host === 'string' ? options.host : '::';
  return { address: host, family: net.isIPv4(host) ? 'IPv4' : 'IPv6', port: Number(options.port) || 0 };
}

// Somebody's own descriptor or handle is what they want to listen on.
function isOwn(first) {
  return typeof first === 'object' && first !== null && (typeof first.fd === 'number' || '_handle' in first || 'handle' in first);
}

function listenHere(...args) {
  if (given || isOwn(args[0])) return listen.apply(this, args);
  given = true;
  const address = asked(args);
  this.address = () => (this.listening ? address : null);
  const done = args.find((each) => typeof each === 'function');
  return listen.call(this, { fd: kSocket }, done);
}

function forgetInForks() {
  const at = process.execArgv.indexOf(__filename);
  if (at > 0) process.execArgv.splice(at - 1, 2);
}

if (fs.fstatSync(kSocket).isSocket()) net.Server.prototype.listen = listenHere;
forgetInForks();
