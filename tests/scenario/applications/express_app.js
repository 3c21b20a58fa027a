// SPDX-License-Identifier: Apache-2.0
// An Express application as its author would start it, at a port of its own: what a request was, events, a WebSocket.
const express = require('express');
const { WebSocketServer } = require('ws');

const app = express();
app.set('trust proxy', true);
app.get('/events', (request, response) => {
  response.set('Content-Type', 'text/event-stream');
  let count = 0;
  const timer = setInterval(() => {
    response.write(`data: ${count}\n\n`);
    if (++count === 3) {
      clearInterval(timer);
      response.end();
    }
  }, 200);
});
app.get('/refused', (request, response) => response.status(404).set('X-Why', 'because').send('no'));
app.get('/page', (request, response) => response.send(`<title>waits</title><script>
  const socket = new WebSocket('ws://' + location.host + '/socket');
  socket.onopen = () => socket.send('from the browser');
  socket.onmessage = (message) => { document.title = message.data; };
</script>`));
app.get('/cookies', (request, response) => response.append('Set-Cookie', 'a=1').append('Set-Cookie', 'b=2').send('two'));
app.use((request, response) => {
  let size = 0;
  request.on('data', (piece) => (size += piece.length));
  request.on('end', () => response.json({ url: request.originalUrl, method: request.method, ip: request.ip,
    protocol: request.protocol, headers: request.headers, size, pid: process.pid }));
});

const server = app.listen(3000, () => console.log(`listening on ${server.address().port}`));
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (message, isBinary) => {
    if (String(message) === 'close') socket.close(4001, 'asked for');
    else socket.send(message, { binary: isBinary });
  });
});
