// A plugin for TypeDoc: every function and method has an example. Callbacks need none of their own.

import { Application, ReflectionKind } from "typedoc";

/** @param {Application} app */
export function load(app) {
  app.on(Application.EVENT_VALIDATE_PROJECT, (project) => {
    for (const signature of project.getReflectionsByKind(ReflectionKind.CallSignature)) {
      const { parent } = signature;
      if (!parent?.kindOf([ReflectionKind.Function, ReflectionKind.Method])) continue;
      if (isOfParameter(parent)) continue;
      const isDocumented = [signature, parent].some(({ comment }) => comment?.getTag("@example"));
      if (!isDocumented) {
        app.logger.validationWarning(`${signature.getFriendlyFullName()} has no @example`);
      }
    }
  });
}

/**
 * @param {import("typedoc").Reflection} reflection
 * @returns {boolean}
 */
function isOfParameter({ parent }) {
  if (!parent) return false;
  return parent.kindOf(ReflectionKind.Parameter) || isOfParameter(parent);
}
