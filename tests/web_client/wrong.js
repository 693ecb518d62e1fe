// What the types must refuse: each line that ends with the word wrong, and no other.

import { Chat } from "../../transports/web/client.js";

export const chat = new Chat("http://127.0.0.1:8024", {
  nick: "ada",
  onEvent(event) {
    if (event.type === "message") console.log(event.text, event.reason); // wrong
    if (event.type === "offline") console.log(event.retryIn.toFixed());
    if (event.type === "gap") console.log(event.count.toFixed()); // wrong
    if (event.type === "stale") console.log(event.posts[0].text, event.posts[0].seq); // wrong
    if (event.type === "hello") console.log("never"); // wrong
  },
});

export const colour = new Chat("http://127.0.0.1:8024", { nick: "ada", colour: "red" }); // wrong
export const nodes = new Chat(["http://a.test", new URL("http://b.test")], { nick: "ada" });
export const numbers = new Chat([1], { nick: "ada" }); // wrong
chat.post("lobby", 1); // wrong
chat.post("lobby", "hello", { kind: "x.vote", target: 1 }).stored.then((ack) => ack.seq.toFixed());
chat.history("lobby", { token: "mine" }); // wrong
chat.history("lobby", { before: 5, limit: 10 }).then((page) => page.messages[0].text);
chat.moderate("shout", { room: "lobby" }); // wrong
chat.join("lobby", { after: 5 }); // wrong
chat.limits = {}; // wrong
