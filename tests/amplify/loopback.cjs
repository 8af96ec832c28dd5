// Refuse every connection to another machine, and append its host to the file REFUSED_HOSTS.
const fs = require("fs");
const net = require("net");

const LOOPBACK = ["127.0.0.1", "::1", "localhost"];
const connect = net.Socket.prototype.connect;

// connect(options), connect(port, host), connect(path), or net.connect's list of its own arguments
const hostOf = (first, second) => {
  const options = Array.isArray(first) ? first[0] : first;
  if (typeof options === "object") return options.path ? "localhost" : options.host ?? "localhost";
  return typeof second === "string" ? second : "localhost";
};

net.Socket.prototype.connect = function (...inputs) {
  const host = hostOf(...inputs);
  if (LOOPBACK.includes(host)) return connect.apply(this, inputs);
  fs.appendFileSync(process.env.REFUSED_HOSTS, `${host}\n`);
  return this.destroy(new Error(`Connections to ${host} are refused in tests.`));
};
