"use strict";
// The snapshot was begun with journal number `seq`; the stream goes on from there. Whenever the
// stream says that something is missing, the page reads a new snapshot before it goes on.

const page = document.querySelector("#live").dataset;
const SILENCE = 45; // seconds; the stream shows a sign of life every 20
const POLL = 5; // seconds between looks at the sessions' signs of life, which are not streamed

const sameMarket = (a, b) =>
  a.account === b.account && a.market_type === b.market_type && a.symbol === b.symbol;
// an order we placed is known by its client id until the exchange has told its own
const sameOrder = (a, b) =>
  sameMarket(a, b) && a.id_space === b.id_space &&
  (a.exchange_order_id && b.exchange_order_id
    ? a.exchange_order_id === b.exchange_order_id
    : a.client_order_id !== null && a.client_order_id === b.client_order_id);
const samePosition = (a, b) =>
  sameMarket(a, b) && a.strategy_account === b.strategy_account && a.position_side === b.position_side;
const sameExecution = (a, b) =>
  sameMarket(a, b) && a.id_space === b.id_space && a.exchange_order_id === b.exchange_order_id &&
  a.exchange_trade_id === b.exchange_trade_id && a.side === b.side && a.sequence === b.sequence;

const orders = new Table("#orders", { same: sameOrder, before: (a, b) => a.created_at > b.created_at });
const executions = new Table("#executions", { same: sameExecution, before: (a, b) => a.executed_at > b.executed_at, most: 50 });
const positions = new Table("#positions", { same: samePosition, before: (a, b) => a.symbol < b.symbol });
const anomalies = new Table("#anomalies", { same: (a, b) => a.id === b.id, before: (a, b) => a.opened_at > b.opened_at });
const sessions = new Map();
let staleAfter, stream, heardAt, isOpen = false, isReading = false;

function tell(kind, order) {
  const what = [order.symbol, order.side, order.filled_quantity, "/", order.quantity].join(" ");
  document.querySelector("#news").textContent = `${what} ${words[kind]}`;
}

const countAnomalies = () => {
  const count = anomalies.body.rows.length;
  anomalies.section.hidden = !count;
  document.querySelector("#anomaly-count").textContent = count;
};

const told = {
  pending_order: ({ action, order }) => (action === "remove" ? orders.remove(order) : orders.put(order)),
  execution: (item) => (item.voided ? executions.remove(item) : executions.put(item)),
  position: (item) => (item.quantity === "0" ? positions.remove(item) : positions.put(item)),
  session: (item) => { sessions.set(item.session_id, item); drawSessions(); },
  anomaly: (item) => {
    if (item.closed_at) anomalies.remove(item); else anomalies.put(item);
    countAnomalies();
  },
};
for (const kind of ["order_filled", "order_cancelled", "order_rejected", "order_expired"])
  told[kind] = ({ order }) => tell(kind, order);

// The session that speaks for an account's market: one that has not ended, else the newest.
function speaking() {
  const rank = (item) => `${item.ended_at ? 0 : 1} ${item.started_at}`;
  const best = new Map();
  for (const item of sessions.values()) {
    const key = `${item.account} ${item.market_type}`;
    if (!best.has(key) || rank(item) > rank(best.get(key))) best.set(key, item);
  }
  return [...best.values()].sort((a, b) => (accountName(a) < accountName(b) ? -1 : 1));
}

function badge(item) {
  if (item.ended_at) return ["down"];
  if (item.status !== "connected") return ["reconnecting"];
  const silent = item.last_ping ? secondsSince(item.last_ping) : null;
  // cut off ourselves, we know only how it was
  if (isOpen && silent !== null && silent <= staleAfter) return ["live"];
  return ["stale", silent === null ? words.never : age(silent)];
}

function drawBadge(element, [state, detail = ""]) {
  element.dataset.state = state;
  element.textContent = `${words[state]} ${detail}`.trim();
}

function drawSessions() {
  const template = document.querySelector("#session-row");
  document.querySelector("#sessions").replaceChildren(...speaking().map((item) => {
    const card = template.content.firstElementChild.cloneNode(true);
    card.querySelector('[data-field="account"]').textContent = accountName(item);
    card.querySelector('[data-field="stream"]').textContent = item.market_type.toLowerCase().replace("_", " ");
    drawBadge(card.querySelector('[data-field="badge"]'), badge(item));
    return card;
  }));
}

function tick() {
  drawSessions();
  for (const cell of document.querySelectorAll("[data-since]")) cell.textContent = age(secondsSince(cell.dataset.since));
  const silent = Math.floor((Date.now() - heardAt) / 1000);
  const state = !isOpen ? ["reconnecting", silent > 2 ? age(silent) : ""] : silent > SILENCE ? ["stale", age(silent)] : ["live"];
  drawBadge(document.querySelector("#connection"), state);
  // half-open: the socket looks well, but nothing has come for too long
  if (isOpen && silent > SILENCE + 15) resync();
}

function draw(snapshot) {
  clock.offset = Date.parse(snapshot.taken_at) - Date.now();
  staleAfter = snapshot.stale_after;
  Object.assign(names, { accounts: snapshot.accounts, strategies: snapshot.strategies });
  orders.replace(snapshot.orders);
  executions.replace(snapshot.executions);
  positions.replace(snapshot.positions);
  anomalies.replace(snapshot.anomalies);
  countAnomalies();
  sessions.clear();
  for (const item of snapshot.sessions) sessions.set(item.session_id, item);
}

function open(seq) {
  stream = new ReconnectingEventSource(`${page.stream}?from=${seq}`, { max_retry_time: 3000 });
  const heard = () => { heardAt = Date.now(); isOpen = true; };
  stream.onerror = () => { isOpen = false; };
  for (const kind of ["stream-open", "keep-alive"]) stream.addEventListener(kind, heard);
  for (const kind of ["stream-reset", "stream-dropped"]) stream.addEventListener(kind, resync);
  for (const [kind, show] of Object.entries(told))
    stream.addEventListener(kind, (event) => {
      heard();
      const item = JSON.parse(event.data);
      show(item);
      // an account made after our snapshot: its name has to be read
      if (!((item.order ?? item).account in names.accounts)) resync();
    });
}

async function read(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (answer.status === 401 || answer.status === 403) location.assign(`${page.login}?next=${location.pathname}`);
  if (!answer.ok) throw new Error(`expected a snapshot, was ${answer.status}`);
  return answer.json();
}

async function resync() {
  if (isReading) return;
  isReading = true;
  isOpen = false;
  stream.close();
  try {
    const snapshot = await read(page.snapshot);
    draw(snapshot);
    open(snapshot.seq);
  } catch {
    setTimeout(resync, 2000);
  }
  isReading = false;
}

async function poll() {
  try {
    for (const item of (await read(page.sessions)).results) sessions.set(item.session_id, item);
  } catch {
    // the badges age by themselves until an answer comes
  }
  setTimeout(poll, POLL * 1000);
}

const first = JSON.parse(document.querySelector("#snapshot").textContent);
heardAt = Date.now();
draw(first);
open(first.seq);
drawSessions();
setInterval(tick, 1000);
setTimeout(poll, POLL * 1000);
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", (event) => event.persisted && resync());
