// A client in TypeScript, as far as types go: every frame of a server is handled, told apart by its `type`.
// The compiler refuses this file if a frame of the server is missing here.

import type { ClientFrame, Message, Position, ServerFrame } from "../../docs/protocol.js";

const positions = new Map<string, Position>();

export function handle(line: string, send: (frame: ClientFrame) => void): string {
  const frame = JSON.parse(line) as ServerFrame;
  switch (frame.type) {
    case "welcome":
      send({ type: "join", room: "lobby", after: positions.get("lobby"), history: 200 });
      return `${frame.account ?? frame.nick} of ${frame.limits.text_bytes?.toFixed() ?? "any number of"} bytes`;
    case "joined":
      positions.set(frame.room, { epoch: frame.epoch, seq: frame.after });
      return `${frame.count.toFixed()} in ${frame.room}`;
    case "message":
      move(frame.room, frame.prev, frame.seq);
      return show(frame);
    case "gap":
      move(frame.room, frame.after, frame.through);
      return frame.reason === "skipped" ? `${frame.count ?? "many"} more` : `missing: ${frame.reason}`;
    case "page":
      return [...frame.messages.map(show), ...(frame.gaps ?? []).map((gap) => gap.reason)].join("\n");
    case "presence":
      return [...frame.joined, ...frame.left, ...frame.renamed.map((each) => each.new)].join(" ");
    case "members":
      if (frame.more) send({ type: "who", room: frame.room, after: frame.nicks.at(-1) });
      return frame.nicks.join(" ");
    case "room_list":
      return frame.rooms.map((each) => `${each.room} ${each.at ?? "-"} ${each.private === true}`).join("\n");
    case "found":
      if (frame.cursor !== undefined) send({ type: "search", query: "again", cursor: frame.cursor });
      return frame.messages.map(show).join("\n");
    case "left":
      return frame.reason ?? "left";
    case "moderated":
      return `${frame.act} ${frame.room ?? "everywhere"} ${frame.nick ?? "everybody"} ${frame.token ?? "-"}`;
    case "invited":
      return (frame.links ?? []).join("\n") || `${frame.invite ?? "another device"} for ${frame.seconds ?? 0} s`;
    case "nick":
      return frame.token === undefined ? `now ${frame.nick}` : frame.nick;
    case "ping":
      send({ type: "pong", token: frame.token });
      return "";
    case "pong":
      return frame.token ?? "";
    case "ack":
      return `${frame.id} is ${frame.seq.toFixed()}, ${frame.durability}`;
    case "error":
      return frame.retry_after === undefined ? `${frame.code}: ${frame.message}` : `later: ${frame.message}`;
    case "closing":
      return frame.reason;
    default:
      return unknown(frame);
  }
}

function move(room: string, from: number, seq: number): void {
  const here = positions.get(room);
  if (here?.seq !== from) throw new Error("the server is broken");
  positions.set(room, { epoch: here.epoch, seq });
}

function show({ nick, kind, text, at }: Message): string {
  const shown = kind === "action" ? `* ${nick} ${text}` : kind === "notice" ? `${nick} (notice): ${text}` : `${nick}: ${text}`;
  return `${new Date(at).toISOString()} ${shown}`;
}

function unknown(frame: never): string {
  return `ignored: ${JSON.stringify(frame)}`;
}
