/** Bokeh without models: a chunk of its own, so that it can be started in one task and its models in the next. */
export * as Bokeh from "@bokeh/bokehjs/build/js/lib/index";
export { Document } from "@bokeh/bokehjs/build/js/lib/document";
