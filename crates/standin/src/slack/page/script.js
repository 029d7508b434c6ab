// Asks for news, replaces what changed, and carries what is pressed.

const page = document.body.dataset;
const byId = (id) => document.getElementById(id);
const messages = byId("messages");
const where = () => new URLSearchParams({ channel: page.channel, as: page.user, after: page.count });

function toast(words, bad) {
  const box = byId("toast");
  box.textContent = words;
  box.className = bad ? "seen bad" : "seen";
  clearTimeout(box.timer);
  box.timer = setTimeout(() => (box.className = ""), 4000);
}

async function act(what) {
  const headers = { "content-type": "application/json", "x-standin-page": "1" };
  const body = JSON.stringify({ user: page.user, ...what });
  try {
    const said = await (await fetch("/page/act", { method: "POST", headers, body })).json();
    if (said.acknowledged) toast(`acknowledged after ${said.milliseconds} ms`);
    else toast(said.error ?? (said.status ? `the app answered ${said.status}` : "the app did not answer in time"), true);
    return said.acknowledged;
  } catch {
    toast("the workspace is not there", true);
  }
}

function replace(element, html) {
  if (element.shown === html) return false;
  element.shown = html;
  element.innerHTML = html;
  return true;
}

// The same view with other errors keeps what was written into it.
function showModal(html) {
  const box = byId("modal");
  if (box.shown === html) return;
  box.shown = html;
  const next = document.createElement("template");
  next.innerHTML = html;
  const old = box.querySelector("[data-view]");
  const fresh = next.content.querySelector("[data-view]");
  const errors = [...next.content.querySelectorAll(".error")];
  const same = old && fresh && old.dataset.view === fresh.dataset.view && old.dataset.hash === fresh.dataset.hash;
  if (!same) {
    box.replaceChildren(next.content);
    box.querySelector(".modal input, .modal textarea, .modal select")?.focus();
  }
  for (const error of box.querySelectorAll(".error")) error.remove();
  for (const error of errors) {
    const place = [...box.querySelectorAll("[data-place]")].find((one) => one.dataset.place === error.dataset.for);
    place?.querySelector("em").append(error);
  }
}

// A dialog in the list would be torn away with it, so the list waits until it is closed.
let held = null;
function show(news) {
  page.count = news.count;
  replace(byId("channels"), news.channels);
  showModal(news.modal);
  if (document.querySelector("dialog[open]")) {
    held = news;
    return;
  }
  const low = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
  if (replace(messages, news.messages) && low) messages.scrollTop = messages.scrollHeight;
}

async function follow() {
  for (;;) {
    try {
      const answer = await fetch(`/page/news?${where()}`);
      show(await answer.json());
      document.body.classList.remove("gone");
    } catch {
      document.body.classList.add("gone");
      await new Promise((again) => setTimeout(again, 1000));
      page.count = "";
    }
  }
}

function press(element, choice) {
  const what = { do: "press", ts: element.closest("[data-ts]")?.dataset.ts, action_id: element.dataset.action, choice };
  const ask = element.nextElementSibling;
  if (!ask?.matches("dialog.confirm")) return void act(what);
  ask.returnValue = "";
  ask.onclose = () => {
    if (ask.returnValue === "yes") act(what);
    if (held) show(held);
    held = null;
  };
  ask.showModal();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-action]:not(select)");
  if (button) press(button, null);
  const view = target.closest("[data-close]")?.closest("[data-view]");
  if (view) act({ do: "close", view: view.dataset.view });
});

document.addEventListener("change", ({ target }) => {
  if (target.id === "viewer") {
    location.search = new URLSearchParams({ channel: page.channel, as: target.value });
  } else if (target.matches("select[data-action]") && target.value) {
    press(target, target.value);
    target.value = "";
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  event.preventDefault();
  if (form.id === "composer") {
    const line = form.elements.line.value.trim();
    if (!line.startsWith("/")) return toast("only slash commands reach the app", true);
    if (await act({ do: "command", channel: page.channel, line })) form.reset();
  } else if (form.matches("[data-view]")) {
    const values = new Map();
    for (const [name, value] of new FormData(form)) values.set(name, values.has(name) ? `${values.get(name)},${value}` : value);
    await act({ do: "submit", view: form.dataset.view, values: [...values] });
  }
});

byId("shade").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.style.colorScheme || (dark ? "dark" : "light");
  document.documentElement.style.colorScheme = now === "dark" ? "light" : "dark";
});

messages.scrollTop = messages.scrollHeight;
follow();
