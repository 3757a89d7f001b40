// Events: node.js echo|lines|once|sink|packets [PATH]

"use strict";

const dgram = require("dgram");
const net = require("net");

const [work, path] = process.argv.slice(2);

const handlers = {
  echo(conn) {
    conn.on("data", (data) => conn.write(data));
    conn.on("end", () => conn.end());
  },
  once(conn) {
    conn.on("data", (data) => conn.end(data));
    conn.on("end", () => conn.end());
  },
  sink(conn) {
    let count = 0;
    conn.on("data", (data) => { count += data.length; });
    conn.on("end", () => conn.end(String(count)));
  },
  lines(conn) {
    let rest = "";
    conn.setEncoding("latin1");
    conn.on("data", (data) => {
      const lines = (rest + data).split("\n");
      rest = lines.pop();
      for (const line of lines) conn.write(line + "\n", "latin1");
    });
    conn.on("end", () => conn.end());
  },
};

function serve(handler) {
  const options = { allowHalfOpen: true, noDelay: true };
  const server = net.createServer(options, (conn) => {
    conn.on("error", () => conn.destroy());
    handler(conn);
  });
  const where = path ? { path } : { host: "127.0.0.1", port: 0 };
  server.listen({ ...where, backlog: 4096 }, () => {
    console.log("ready " + (path || server.address().port));
  });
}

function packets() {
  const socket = dgram.createSocket("udp4");
  let count = 0;
  socket.on("message", (data, from) => {
    if (data.length === 64) count++;
    else socket.send(String(count), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1", () => {
    console.log("ready " + socket.address().port);
  });
}

if (work === "packets") packets();
else serve(handlers[work]);
