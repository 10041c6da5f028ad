"use strict";
// Rows: a <template> is filled from a payload, for the snapshot and for the stream alike.

const words = JSON.parse(document.querySelector("#words").textContent);
const names = { accounts: {}, strategies: {} };
const MOST_DIGITS = 9;

// Amounts stay strings. What is too long to read is cut, and said to be; the title has it all.
function shortened(text) {
  const [whole, decimals = ""] = text.split(".");
  const most = Math.max(2, MOST_DIGITS - whole.length);
  return decimals.length > most ? `${whole}.${decimals.slice(0, most)}…` : text;
}

function age(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

// The server's clock counts, whatever the browser's says.
const clock = { offset: 0 };
const secondsSince = (time) =>
  Math.max(0, Math.floor((Date.now() + clock.offset - Date.parse(time)) / 1000));

function accountName(item) {
  return names.accounts[item.account] ?? `#${item.account}`;
}

function strategyName(item) {
  return item.strategy_account === null
    ? words.residual
    : names.strategies[item.strategy_account] ?? `#${item.strategy_account}`;
}

// How a field is written that is more than its own text.
const written = {
  account: accountName,
  strategy: strategyName,
  owner: (item) => `${accountName(item)} · ${strategyName(item)}`,
  progress: (item) => `${shortened(item.filled_quantity)} / ${shortened(item.quantity)}`,
  direction: (item) => (item.position_side === "NET" ? "" : item.position_side),
  flags: (item) =>
    [item.time_in_force, item.reduce_only && "reduce-only", item.post_only && "post-only"]
      .filter(Boolean).join(" "),
  status: (item) => item.status.replaceAll("_", " ").toLowerCase(),
  kind: (item) => item.kind.replaceAll("_", " ").toLowerCase(),
  fee: (item) => (item.commission === null ? "" : `${shortened(item.commission)} ${item.commission_asset}`),
  commissions: (item) =>
    Object.entries(item.commissions).map(([asset, sum]) => `${shortened(sum)} ${asset}`).join(", "),
  role: (item) => (item.is_maker === null ? "" : item.is_maker ? "maker" : "taker"),
};

function fillCell(cell, item) {
  const { field, as } = cell.dataset;
  const value = item[field];
  if (field === "verified") {
    cell.dataset.verified = value;
    cell.title = words[value ? "verified" : "unverified"];
    cell.textContent = value ? "✓" : "…";
  } else if (field === "share") {
    cell.value = item.quantity === "0" ? 0 : item.filled_quantity / item.quantity;
    cell.title = `${Math.floor(100 * cell.value)} %`;
  } else if (as === "age") {
    cell.dataset.since = value;
    cell.textContent = age(secondsSince(value));
    cell.title = value;
  } else if (as === "clock") {
    cell.textContent = new Date(value).toLocaleTimeString([], { hour12: false });
    cell.title = value;
  } else if (as === "amount" || as === "signed") {
    cell.textContent = value === null ? "–" : shortened(value);
    cell.title = value ?? "";
    if (as === "signed") cell.dataset.sign = value === null || value === "0" ? "" : value[0] === "-" ? "-" : "+";
  } else {
    cell.textContent = field in written ? written[field](item) : value ?? "";
    cell.dataset.value = value ?? "";
  }
}

class Table {
  // `same`: two payloads tell of one thing; `before`: one belongs above another.
  constructor(selector, { same, before, most = Infinity }) {
    this.section = document.querySelector(selector);
    this.body = this.section.querySelector("tbody");
    this.template = this.section.querySelector("template");
    Object.assign(this, { same, before, most });
  }

  find(item) {
    return [...this.body.rows].find((row) => this.same(row.item, item));
  }

  put(item, isNews = true) {
    let row = this.find(item);
    if (row && (row.item.version ?? 0) > (item.version ?? 0)) return;
    row ??= this.template.content.firstElementChild.cloneNode(true);
    row.item = item;
    for (const cell of row.querySelectorAll("[data-field]")) fillCell(cell, item);
    if (!row.isConnected) {
      const next = [...this.body.rows].find((other) => this.before(item, other.item));
      this.body.insertBefore(row, next ?? null);
      if (this.body.rows.length > this.most) this.body.lastElementChild.remove();
    }
    if (isNews) this.flash(row);
    this.count();
  }

  remove(item) {
    this.find(item)?.remove();
    this.count();
  }

  replace(items) {
    this.body.replaceChildren();
    for (const item of items) this.put(item, false);
    this.count();
  }

  flash(row) {
    row.classList.remove("changed");
    requestAnimationFrame(() => row.classList.add("changed"));
  }

  count() {
    this.section.classList.toggle("is-empty", !this.body.rows.length);
    const count = this.section.querySelector(".count");
    if (count) count.textContent = this.body.rows.length || "";
  }
}
