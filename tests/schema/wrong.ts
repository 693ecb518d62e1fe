// What the types must refuse: each of these lines has the number of its error at its end, and no other has one.

import type { ClientFrame, ServerFrame } from "../../docs/protocol.js";

export function read(frame: ServerFrame): unknown {
  if (frame.type === "message") return frame.reason; // TS2339
  if (frame.type === "presence") return frame.joined.length;
  if (frame.type === "page") return frame.gaps.length; // TS18048
  if (frame.type === "hello") return 1; // TS2367
  if (frame.type === "ack") return frame.seq.length; // TS2339
  return frame.room; // TS2339
}

export function forget(frame: ServerFrame): string {
  switch (frame.type) {
    case "welcome":
      return frame.nick;
    default:
      return ((never: never) => never)(frame); // TS2345
  }
}

export const sent: ClientFrame[] = [
  { type: "post", room: "lobby", id: "1", text: "hi" },
  { type: "post", room: "lobby", id: "1" }, // TS2322
  { type: "post", room: "lobby", id: 1, text: "hi" }, // TS2322
  { type: "post", room: "lobby", id: "1", text: "hi", colour: "red" }, // TS2353
  { type: "post", room: "lobby", id: "1", text: null }, // TS2322
  { type: "poke" }, // TS2322
  { room: "lobby" }, // TS2322
];
