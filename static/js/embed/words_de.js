/**
 * German words of an embedded page's own interface, by the English ones, which are in the scripts and templates. `{}` is
 * what is put in; `{1}`, `{2}` where the order is another. A test finds each word that this table lacks, or has for nothing.
 * @type {Record<string, string>}
 */
export const WORDS = {
  // The head of an instrument, and Python's start.
  "Needs JavaScript to run": "Benötigt JavaScript",
  "Retry": "Noch einmal versuchen",
  "Starting Python": "Python startet",
  "Loading libraries": "Bibliotheken werden geladen",
  "Loading the instruments": "Instrumente werden geladen",
  "Computing the pictures": "Bilder werden berechnet",
  "Drawing": "Bilder werden gezeichnet",
  "Python live": "Python läuft",
  "Python starts soon": "Python startet gleich",
  "Press to start Python": "Drücken, um Python zu starten",
  "Press to see this state": "Drücken, um diesen Zustand zu sehen",
  "Python did not start: {}": "Python ist nicht gestartet: {}",
  "The instrument stopped: {}": "Das Instrument hat angehalten: {}",
  "the picture could not be drawn: {}": "Das Bild konnte nicht gezeichnet werden: {}",
  "The instruments could not be drawn. {}": "Die Instrumente konnten nicht gezeichnet werden. {}",
  "the worker could not be loaded": "der Worker konnte nicht geladen werden",
  "a message could not be read": "eine Nachricht war nicht lesbar",
  "the browser did not start the worker; try again, or restart the browser.":
    "Der Browser hat den Worker nicht gestartet; versuchen Sie es noch einmal, oder starten Sie den Browser neu.",
  "nothing has happened for a minute; close other tabs if the computer is short of memory, then try again.":
    "Seit einer Minute ist nichts geschehen; schließen Sie andere Tabs, falls der Speicher knapp ist, und versuchen Sie es noch einmal.",
  "The browser ended Python, perhaps because memory was short. Python was restarted.":
    "Der Browser hat Python beendet, vielleicht weil der Speicher knapp war. Python wurde neu gestartet.",
  "The memory limit of Python (1 GB) was reached. Python was restarted.": "Pythons Speichergrenze (1 GB) war erreicht. Python wurde neu gestartet.",
  "The code recursed too deeply for this browser, and Python crashed. It was restarted.":
    "Die Rekursion war zu tief für diesen Browser, und Python ist abgestürzt. Es wurde neu gestartet.",
  "Python crashed with an internal error ({}). It was restarted.": "Python ist mit einem internen Fehler abgestürzt ({}). Es wurde neu gestartet.",
  "This browser has no WebAssembly, which the live instruments need.": "Dieser Browser hat kein WebAssembly; die Instrumente brauchen es.",
  "This browser has no WebAssembly SIMD, which the live instruments need; a current version of any browser has it.":
    "Dieser Browser hat kein WebAssembly SIMD; die Instrumente brauchen es, und die heutigen Versionen aller Browser haben es.",
  "Of {}, {} came from {}, then nothing {}": "Von {1} kamen {2} von {3}, dann nichts mehr. Versuchen Sie es noch einmal.",
  "{} sent nothing of {} {}": "{1} hat nichts von {2} geschickt. Versuchen Sie es noch einmal.",
  "What {} sent as {} ({}) is cut off or damaged; try again.": "Was {1} als {2} geschickt hat ({3}), ist abgeschnitten oder beschädigt; versuchen Sie es noch einmal.",
  "There is a newer version of this page; reload it.": "Es gibt eine neuere Version dieser Seite; laden Sie sie neu.",
  "A part of this page’s script came cut off or damaged; reload the page.":
    "Ein Teil der Skripte dieser Seite kam abgeschnitten oder beschädigt an; laden Sie die Seite neu.",
  "Reload": "Neu laden",
  "Later": "Später",

  // Where scripts or Python cannot run.
  "Scripts do not run in this frame. This is the instrument’s first picture.":
    "In diesem Rahmen laufen keine Skripte. Dies ist das erste Bild des Instruments.",
  "The page around this frame shuts it off from its own site (<code>sandbox</code> without <code>allow-same-origin</code>), so Python cannot run in it. This is the instrument’s first picture.":
    "Die umgebende Seite trennt diesen Rahmen von seiner eigenen Website (<code>sandbox</code> ohne <code>allow-same-origin</code>), deshalb kann Python darin nicht laufen. Dies ist das erste Bild des Instruments.",
  "This page was opened from a file. Python runs only where a web server, even a local one, sends it. This is the instrument’s first picture.":
    "Diese Seite wurde als Datei geöffnet. Python läuft nur, wenn ein Webserver, auch ein lokaler, sie schickt. Dies ist das erste Bild des Instruments.",
  "A part of this page did not arrive, or not whole, so Python cannot run here. This is the instrument’s first picture. Check the connection, then <button type=\"button\" class=\"again\">Retry</button>.":
    "Ein Teil dieser Seite kam nicht oder nicht ganz an, deshalb kann Python hier nicht laufen. Dies ist das erste Bild des Instruments. Prüfen Sie die Verbindung, dann: <button type=\"button\" class=\"again\">Noch einmal versuchen</button>.",
  "Python cannot run here: the main slider moves through pictures made beforehand.":
    "Python kann hier nicht laufen: Der Hauptregler zeigt vorab berechnete Bilder.",
  "The page asks for another state than the picture shows.": "Die Seite verlangt einen anderen Zustand, als das Bild zeigt.",
  "Open the instrument in a new tab": "Öffnen Sie das Instrument in einem neuen Tab",
  ", in the state that the page asks for.": ", in dem Zustand, den die Seite verlangt.",
  "{}, in the Diffusion Instrument Lab": "{}, im Diffusion Instrument Lab",

  // The menu, and what it says.
  "More": "Mehr",
  "Open the code it runs": "Den Code öffnen, der hier läuft",
  "Pin a copy of this state": "Eine Kopie dieses Zustands daneben stellen",
  "Copy link to this state": "Link zu diesem Zustand kopieren",
  "Embed…": "Einbetten…",
  "Receipt of this state…": "Quittung über diesen Zustand…",
  "Receipt": "Quittung",
  "Download picture (PNG)": "Bild herunterladen (PNG)",
  "Download drawing (SVG)": "Zeichnung herunterladen (SVG)",
  "Download data (CSV)": "Daten herunterladen (CSV)",
  "Copied.": "Kopiert.",
  "Copied. It opens with the lab's own code, not with your {}.": "Kopiert. Der Link öffnet sich mit dem Code des Labors, nicht mit Ihrem {}.",
  "A receipt can be made once Python is live.": "Eine Quittung gibt es, sobald Python läuft.",
  "This can be downloaded once Python is live.": "Das lässt sich herunterladen, sobald Python läuft.",
  "Saved.": "Gespeichert.",
  "The browser could not make a PNG.": "Der Browser konnte kein PNG erzeugen.",
  "Unpin": "Kopie entfernen",
  "Pinned copy": "Kopie",
  "the same as here": "dasselbe wie hier",

  // The front panel.
  "All controls": "Alle Regler",
  "Fewer controls": "Weniger Regler",
  "More settings": "Mehr Einstellungen",
  "Play or pause": "Abspielen oder anhalten",
  "Step": "Ein Schritt",
  "Reset": "Zurücksetzen",
  "Back to the initial settings": "Zurück zu den Anfangswerten",
  "Again, once it has ended: with the next seed": "Nach dem Ende noch einmal: mit dem nächsten Startwert",
  "Another seed": "Anderer Startwert",
  "Another seed, at random": "Anderer Startwert, zufällig",
  "Go to {}": "Zu {}",
  "Clear": "Löschen",
  "{}: arrow keys move it": "{}: mit den Pfeiltasten verschieben",
  "{}: drag it, or use the arrow keys": "{}: ziehen, oder die Pfeiltasten benutzen",

  // A question before the controls unlock, and questions of chapters.
  "Answer": "Antworten",
  "The controls unlock when you have answered.": "Die Regler werden frei, wenn Sie geantwortet haben.",
  "Now try it.": "Probieren Sie es jetzt aus.",
  "Question {}": "Frage {}",
  "Your answer": "Ihre Antwort",
  "Check": "Prüfen",
  "Hint": "Hinweis",
  "Worked solution": "Lösungsweg",
  "Give a number, like 0.25 or 1/4.": "Geben Sie eine Zahl ein, etwa 0.25 oder 1/4.",
  "Right.": "Richtig.",
  "Not yet.": "Noch nicht.",
  "Not yet. Try again, or open the hint.": "Noch nicht. Versuchen Sie es noch einmal, oder öffnen Sie den Hinweis.",

  // Cells and exercises.
  "Cell": "Zelle",
  "Cell {}": "Zelle {}",
  "Exercise {}": "Aufgabe {}",
  "Run": "Ausführen",
  "Run {}": "Ausführen: {}",
  "Run and check {}": "Ausführen und prüfen: {}",
  "Run (Ctrl-Enter)": "Ausführen (Strg-Eingabe)",
  "Run and check (Ctrl-Enter)": "Ausführen und prüfen (Strg-Eingabe)",
  "Stop": "Anhalten",
  "Stop (Ctrl-.)": "Anhalten (Strg-.)",
  "Stop cell {}": "Zelle {} anhalten",
  "run lost cells again": "verlorene Zellen noch einmal ausführen",
  "reset": "zurücksetzen",
  "More for cell {}": "Mehr zu Zelle {}",
  "Run all above and this": "Alle darüber und diese ausführen",
  "Run all cells": "Alle Zellen ausführen",
  "Copy code": "Code kopieren",
  "Copy link to this code": "Link zu diesem Code kopieren",
  "A solution": "Eine Lösung",
  "This Python cannot run the cell. Perhaps an earlier cell has changed something that Python itself needs.":
    "Dieses Python kann die Zelle nicht ausführen. Vielleicht hat eine frühere Zelle etwas verändert, was Python selbst braucht.",
  "The code editor could not be loaded. {} What you have typed is kept.":
    "Der Editor konnte nicht geladen werden. {} Was Sie geschrieben haben, bleibt erhalten.",
  "Undo": "Rückgängig",
  "Another tab has changed this cell. Both texts are kept.": "Ein anderer Tab hat diese Zelle geändert. Beide Texte bleiben erhalten.",
  "This code was shared by link. It has not been run.": "Dieser Code kam über einen Link. Er wurde nicht ausgeführt.",
  "Reset. Undo brings your code back.": "Zurückgesetzt. „Rückgängig“ holt Ihren Code zurück.",
  "Another text of this cell is kept.": "Ein anderer Text dieser Zelle ist gespeichert.",
  "This code is too long for a link.": "Dieser Code ist zu lang für einen Link.",
  "not run": "nicht ausgeführt",
  "could not run": "konnte nicht ausgeführt werden",
  "Python was restarted": "Python wurde neu gestartet",
  "running again {} of {}": "läuft noch einmal: {1} von {2}",
  "lost cells have run again": "die verlorenen Zellen sind noch einmal gelaufen",
  "was stopped": "wurde angehalten",
  "not run: the cell before it {}": "nicht ausgeführt: die Zelle davor {}",
  "not run: Python was restarted": "nicht ausgeführt: Python wurde neu gestartet",
  "Stopped. Python was restarted; the results of earlier cells are lost.":
    "Angehalten. Python wurde neu gestartet; die Ergebnisse früherer Zellen sind verloren.",
  "This link holds code for a cell “{}”, which this page does not have.": "Dieser Link hat Code für eine Zelle „{}“, die es auf dieser Seite nicht gibt.",
  "This link should show a cell’s code, but a part of the link is missing or changed. Copy the link again.":
    "Dieser Link soll den Code einer Zelle zeigen, aber ein Teil des Links fehlt oder ist verändert. Kopieren Sie ihn noch einmal.",
  "too long": "zu lang",
  "not inserted: a cell holds {} characters": "nicht eingefügt: Eine Zelle fasst {} Zeichen",
  "not inserted: a line holds {} characters": "nicht eingefügt: Eine Zeile fasst {} Zeichen",
  "It could not be drawn: {}": "Es konnte nicht gezeichnet werden: {}",
  "It could not be shown: {}": "Es konnte nicht gezeigt werden: {}",
  "Python does not answer.": "Python antwortet nicht.",
  "Python was restarted, and this output no longer reacts. Run the cell again.":
    "Python wurde neu gestartet, und diese Ausgabe reagiert nicht mehr. Führen Sie die Zelle noch einmal aus.",
  "Run the cells above, then this one": "Die Zellen darüber ausführen, dann diese",
  "Restart Python": "Python neu starten",
  "Back to mine": "Zurück zu meinem",
  "Show the other tab’s": "Den Text des anderen Tabs zeigen",
  "Show the other text": "Den anderen Text zeigen",
  "Show that text": "Diesen Text zeigen",
  "Back to the chapter’s": "Zurück zum Text des Kapitels",
  "Keep only this": "Nur diesen behalten",
  "This browser’s storage for this site is full: what you change now is lost when you leave the page.":
    "Der Speicher dieses Browsers für diese Website ist voll: Was Sie jetzt ändern, geht beim Verlassen der Seite verloren.",
  "This browser stores nothing for this site: what you change now is lost when you leave the page.":
    "Dieser Browser speichert nichts für diese Website: Was Sie jetzt ändern, geht beim Verlassen der Seite verloren.",

  // The code of an instrument.
  "Code": "Code",
  "Code of the instrument: {}": "Code des Instruments: {}",
  "Function of the instrument": "Funktion des Instruments",
  "The instrument runs this formula in a faster form, with the same numbers.": "Das Instrument rechnet diese Formel in einer schnelleren Form, mit denselben Zahlen.",
  "Run it to make the instrument above use your version. Keep its name and parameters. It can use every name in":
    "Führen Sie sie aus, dann benutzt das Instrument darüber Ihre Fassung. Behalten Sie Namen und Parameter bei. Sie kann jeden Namen benutzen aus",
  "The code could not be loaded. {}": "Der Code konnte nicht geladen werden. {}",
  "Stopped. Python was restarted with the instrument's own code; its settings are unchanged.":
    "Angehalten. Python wurde mit dem eigenen Code des Instruments neu gestartet; die Einstellungen sind unverändert.",
  "Python was restarted: the instrument runs its own code again, with the same settings.":
    "Python wurde neu gestartet: Das Instrument benutzt wieder seinen eigenen Code, mit denselben Einstellungen.",
  "in the instrument": "im Instrument",
  "removed from the instrument": "aus dem Instrument entfernt",
  "Your": "Ihr",
  "failed here ({}). The instrument runs its own code again.": "ist hier gescheitert ({}). Das Instrument benutzt wieder seinen eigenen Code.",
  "Runs your": "Benutzt Ihr",
  "It does not respond.": "Es reagiert nicht.",
};
