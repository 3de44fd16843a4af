// Keys for the screening page. Every key presses a button or follows a link that is on the page: without this file all
// of it works by Tab and Enter. No text of a record is ever made into markup here.
"use strict";

const one = (what) => document.querySelector(what);
const live = one("#live");
let busy = false;

const say = (words) => { if (live) live.textContent = words; };
const keysOn = () => localStorage.getItem("keys") !== "off";

function press(what) {
  const found = one(what);
  if (found && !found.disabled) { found.click(); return true; }
  return false;
}

// At full text an exclusion needs its reason: the key leads there first.
function exclude() {
  const reasons = one("#reasons");
  if (reasons && !reasons.querySelector("input:checked")) {
    (reasons.querySelector("input:not([type=text])") || reasons.querySelector("input")).focus();
    say("Choose the reason for exclusion by its number or with the arrows, then press Enter.");
    return true;
  }
  return press("[data-key=e]");
}

function pick(number) {
  const radio = one(`#reasons input[data-number="${number}"]`);
  if (!radio) return false;
  radio.checked = true;
  radio.focus();
  say(`Reason ${number} chosen. Press Enter to exclude.`);
  return true;
}

// What is marked in the title or the abstract becomes the quotation that the decision rests on.
function quote() {
  const marked = getSelection();
  const text = marked.toString().trim();
  const field = marked.anchorNode && marked.anchorNode.parentElement && marked.anchorNode.parentElement.closest("[data-field]");
  if (!text || !field) { say("Mark words of the title or the abstract first, then press q."); return true; }
  const whole = marked.toString().replace(/\s+/g, " ").trim();
  document.querySelectorAll("input[name=quote]").forEach((own) => { own.value = whole; });
  const shown = one("#quoted");
  if (shown) { shown.textContent = `Quotation: “${whole}”`; shown.hidden = false; }
  say(`Quotation taken: ${whole}`);
  return true;
}

const acts = {
  i: () => press("[data-key=i]"), e: exclude, u: () => press("[data-key=u]"), z: () => press("[data-key=z]"),
  j: () => press("[data-key=j]"), k: () => press("[data-key=k]"),
  ArrowRight: () => press("[data-key=j]"), ArrowLeft: () => press("[data-key=k]"),
  q: quote, "?": () => { one("#help").showModal(); return true; },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const at = event.target;
  const typing = at.matches("input[type=text], textarea, select");
  if (typing || one("dialog[open]") || busy) return;
  if (event.key !== "?" && !keysOn()) return;
  const inReasons = at.matches("input[type=radio]");
  if (inReasons && event.key.startsWith("Arrow")) return;
  const act = /^[1-9]$/.test(event.key) ? () => pick(event.key) : acts[event.key];
  if (act && act()) event.preventDefault();
});

// A decision is sent once, however often the key is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (busy) { event.preventDefault(); return; }
  busy = true;
  say("Saving …");
});
// A page that comes back from the browser's memory shows what was: ask again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const help = one("#help");
if (help) {
  document.querySelectorAll("[data-help]").forEach((own) => own.addEventListener("click", () => help.showModal()));
  const toggle = one("#keys");
  const show = () => { toggle.textContent = keysOn() ? "Turn single-letter keys off" : "Turn single-letter keys on"; };
  toggle.addEventListener("click", () => { localStorage.setItem("keys", keysOn() ? "off" : "on"); show(); });
  show();
}
const start = one("h1[tabindex]");
if (start && !one("[autofocus]")) start.focus({ preventScroll: true });
