// A questionnaire as the server rendered it, made lighter to give: questions that do not apply fold away, one question at a
// time for who likes that, the phone handed over without anything else on it, and read aloud where there is a voice.

import { shown } from "./scoring.js";

const FORM = "form[data-instrument]";
const WAY = "way-of-asking";

export function dressInstruments(root) {
  for (const form of root.querySelectorAll(FORM)) dress(form);
}

function dress(form) {
  if (form.dataset.notHere.split(" ").includes(form.dataset.instrument)) {
    // Known only from the case's slots: this form was kept for all of them.
    form.hidden = true;
    form.parentElement.querySelector("[data-off]").hidden = false;
    return;
  }
  const questions = makeQuestions(form);
  form.querySelector("[data-ways]").hidden = false;
  form.addEventListener("change", questions.refresh);
  form.addEventListener("input", questions.refresh);
  form.addEventListener("reset", () => setTimeout(questions.refresh));
  form.addEventListener("click", ({ target }) => {
    const button = target.closest("button[type=button]");
    if (button) press(button, form, questions);
    // What is missing may be on a question that is not in sight.
    if (target.closest("[type=submit]") && questions.isOneAtATime()) questions.oneAtATime(false);
  });
  startVoice(form, questions);
  questions.refresh();
  if (remembered() === "one") questions.oneAtATime(true);
}

function press({ dataset }, form, questions) {
  if ("one" in dataset) questions.oneAtATime(!questions.isOneAtATime());
  if ("next" in dataset) questions.go(1);
  if ("previous" in dataset) questions.go(-1);
  if ("handOver" in dataset) handOver(form, questions);
  if ("takeBack" in dataset) takeBack(form, questions);
}

function makeQuestions(form) {
  const all = [...form.querySelectorAll("[data-item]")];
  const items = all.map(({ dataset: { item, when } }) => ({ id: item, when: when && JSON.parse(when) }));
  const stepping = form.querySelector("[data-stepping]");
  const button = form.querySelector("[data-one]");
  let asked = all;
  let place = -1;

  function refresh() {
    const ids = new Set(Object.keys(shown(items, answersOf(all))));
    asked = all.filter(({ dataset }) => ids.has(dataset.item));
    // Without an answer there may be no score: nobody leaves one out without knowing. "Skip" is an answer.
    const agreed = form.elements.consent.value === "yes";
    for (const question of all) {
      const first = question.querySelector("[type=radio]");
      if (first) first.required = agreed && asked.includes(question);
    }
    draw();
  }

  function draw() {
    place = Math.min(place, asked.length - 1);
    for (const question of all) question.hidden = !asked.includes(question) || (place >= 0 && question !== asked[place]);
    stepping.hidden = place < 0;
    stepping.querySelector("[data-place]").textContent = place < 0 ? "" : `${number(place + 1)} / ${number(asked.length)}`;
    stepping.querySelector("[data-previous]").disabled = place <= 0;
    stepping.querySelector("[data-next]").disabled = place === asked.length - 1 && !isHandedOver();
  }

  function go(by) {
    if (place + by >= asked.length) {
      form.querySelector("[data-returned]").hidden = false;
      form.querySelector(".questions").hidden = true;
      form.querySelector("[data-returned] [tabindex]").focus();
      return;
    }
    place = Math.max(0, place + by);
    draw();
    asked[place].focus();
    asked[place].scrollIntoView({ block: "start" });
  }

  function oneAtATime(wanted) {
    place = wanted ? Math.max(0, asked.findIndex((question) => !question.querySelector(":checked"))) : -1;
    button.setAttribute("aria-pressed", String(wanted));
    remember(wanted ? "one" : "all");
    draw();
  }

  return { refresh, go, oneAtATime, isOneAtATime: () => place >= 0, first: () => ((place = 0), draw(), asked[0].focus()), present: () => (place < 0 ? asked : [asked[place]]) };
}

const number = (value) => new Intl.NumberFormat(document.documentElement.lang).format(value);

/** What is chosen now, as the server would read it. */
function answersOf(questions) {
  const answers = {};
  for (const question of questions) {
    const chosen = [...question.querySelectorAll(":checked")].map(({ value }) => value).filter((value) => value !== "skip");
    const typed = question.querySelector("[inputmode]")?.value.trim();
    const several = question.querySelector("[type=checkbox]") !== null;
    if (typed && /^-?\d{1,13}$/.test(typed)) answers[question.dataset.item] = Number(typed);
    else if (chosen.length) answers[question.dataset.item] = several ? chosen.map(code) : code(chosen[0]);
  }
  return answers;
}

const code = (value) => (/^-?\d+$/.test(value) ? Number(value) : value);

// The phone in other hands

const isHandedOver = () => document.documentElement.classList.contains("handed-over");

function handOver(form, questions) {
  document.documentElement.classList.add("handed-over");
  questions.oneAtATime(true);
  questions.first();
}

function takeBack(form, questions) {
  document.documentElement.classList.remove("handed-over");
  form.querySelector("[data-returned]").hidden = true;
  form.querySelector(".questions").hidden = false;
  questions.oneAtATime(false);
  form.querySelector("button[type=submit]").focus();
}

// Read aloud

function startVoice(form, questions) {
  const { speechSynthesis: voices } = globalThis;
  const button = form.querySelector("[data-aloud]");
  if (!voices) return;
  const language = form.querySelector(".questions").lang;
  const hers = () => voices.getVoices().find(({ lang, localService }) => localService && lang.startsWith(language));
  const offer = () => void (button.hidden = !hers());
  voices.addEventListener?.("voiceschanged", offer);
  offer();
  button.addEventListener("click", () => {
    const wasSpeaking = voices.speaking;
    voices.cancel();
    button.setAttribute("aria-pressed", String(!wasSpeaking));
    if (wasSpeaking) return;
    for (const question of questions.present()) {
      const words = [question.querySelector("legend") ?? question, ...question.querySelectorAll(".card")];
      const said = new SpeechSynthesisUtterance(words.map(({ textContent }) => textContent.trim()).join(". "));
      Object.assign(said, { voice: hers(), lang: language, onend: () => voices.pending || button.setAttribute("aria-pressed", "false") });
      voices.speak(said);
    }
  });
}

// How somebody likes to ask is remembered for this tab alone: nothing of anybody lies in it.
const remember = (way) => sessionStorage.setItem(WAY, way);
const remembered = () => sessionStorage.getItem(WAY);
