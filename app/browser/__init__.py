"""Python that runs inside the browser's worker; no other package of the lab imports `js` or `pyodide`."""
