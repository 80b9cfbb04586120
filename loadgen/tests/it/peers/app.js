// The reference contract on Node's own server, with the habits that MODE names.

const http = require("node:http");

const [mode, port] = [process.env.MODE, Number(process.argv[2])];
const known = new Set();
let seen = 0;

function take(events) {
  seen += events.length;
  const results = events.map(({ topic, event_id }) => {
    const key = JSON.stringify([topic, event_id]);
    const result = known.has(key) ? "duplicate" : "inserted";
    known.add(key);
    return result;
  });
  const inserted = results.filter((result) => result === "inserted").length;
  return { accepted: results.length, inserted, duplicates: results.length - inserted, results };
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    if (!request.url.startsWith("/publish")) {
      response.end(JSON.stringify({ received: seen, unique_processed: known.size, duplicate_dropped: seen - known.size }));
      return;
    }
    const answer = JSON.stringify(take(JSON.parse(Buffer.concat(parts))));
    if (mode === "breaks") {
      // Half an answer, and the end.
      response.writeHead(200, { "content-length": answer.length });
      response.write(answer.slice(0, answer.length / 2), () => request.socket.destroy());
      return;
    }
    if (mode === "hints") response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    // Without a length Node sends chunks.
    response.setHeader("content-type", "application/json");
    response.end(answer);
  });
});

// Some versions wait for a second more.
if (mode === "impatient") server.keepAliveTimeout = 30;
server.listen(port, "127.0.0.1");
