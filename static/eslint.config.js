/** What eslint checks in js/: the recommended rules, in the page's scripts with the page's globals, in the worker with its own. */
import js from "@eslint/js";
import globals from "globals";

const WORKER = ["js/worker/*.js", "js/page/service_worker.js"];

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-console": "error",
      "no-restricted-globals": ["error", "name", "event", "status", "origin", "find", "stop", "print", "close", "open"],
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  { files: ["js/*/*.js"], ignores: WORKER, languageOptions: { globals: globals.browser } },
  { files: WORKER, languageOptions: { globals: globals.worker } },
];
