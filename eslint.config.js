import js from "@eslint/js";
import globals from "globals";

// Which file may do what: main.js decides, and each of these keeps one dangerous thing to itself.
const STORE = ["service_worker/store.js"];
const VAULT = ["service_worker/vault.js"];
const SENDER = ["service_worker/sender.js"];

const only_in_store = {
  selector: "Identifier[name='indexedDB']",
  message: "Only service_worker/store.js knows the phone's database.",
};
const only_in_vault = {
  selector:
    "MemberExpression[object.property.name='subtle'][property.name!='digest'], MemberExpression[object.name='subtle'][property.name!='digest']",
  message: "Only service_worker/vault.js encrypts; others may make digests.",
};
const no_markup_from_strings = {
  selector: "CallExpression[callee.property.name='insertAdjacentHTML'], AssignmentExpression[left.property.name='outerHTML']",
  message: "Build elements, or clone a <template>: markup from strings lets foreign text become script.",
};

export default [
  { ignores: ["node_modules/", ".venv/", "webapp/static/dist/", "var/", "dist/", "build/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      "consistent-return": "error",
      curly: ["error", "multi-line"],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-alert": "error",
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-promise-executor-return": ["error", { allowVoid: true }],
      "no-restricted-syntax": ["error", only_in_store, only_in_vault, no_markup_from_strings],
      "no-self-compare": "error",
      "no-template-curly-in-string": "error",
      "no-throw-literal": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
      "no-use-before-define": ["error", { functions: false, classes: true, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  {
    files: ["service_worker/**/*.js"],
    languageOptions: { globals: globals.serviceworker },
  },
  { files: ["webapp/static/js/**/*.js"], languageOptions: { globals: { ...globals.browser, ...globals.worker } } },
  {
    files: [...STORE],
    rules: { "no-restricted-syntax": ["error", only_in_vault, no_markup_from_strings] },
  },
  {
    files: [...VAULT],
    rules: { "no-restricted-syntax": ["error", only_in_store, no_markup_from_strings] },
  },
  {
    files: ["service_worker/**/*.js", "webapp/static/js/**/*.js"],
    ignores: [...SENDER],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "navigator", property: "sendBeacon", message: "Only service_worker/sender.js delivers." },
      ],
    },
  },
  {
    files: ["tests/**/*.js", "bench/**/*.js", "tools/**/*.js", "*.config.js"],
    languageOptions: { globals: { ...globals.node, ...globals.serviceworker, ...globals.browser } },
    rules: { "no-restricted-syntax": "off", "no-console": "off" },
  },
];
