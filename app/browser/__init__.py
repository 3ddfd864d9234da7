"""Python that runs inside the browser's worker, and the only Python here that knows `js` and `pyodide`."""
