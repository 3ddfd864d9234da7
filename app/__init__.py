"""The machinery of the lab: compiles chapters, prepares the browser runtime; knows no instrument by name."""
