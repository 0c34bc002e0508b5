"""The README's examples, as they stand there: only the address is this test's."""

import contextlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from desk import ORIGIN, VERSION, Desk

README = (Path(__file__).parents[3] / "README.md").read_text()


class Readme(Desk):
    def run_example(self, choice, notes=""):
        """What it prints when a person answers so."""
        examples = [part.split("```")[0] for part in README.split("```python\n")[1:]]
        old, new = [example for example in examples if "the_handover" in example]
        example = (old if VERSION == "0.3.0" else new).replace("http://127.0.0.1:8787", ORIGIN)
        self.assertIn(ORIGIN, example)
        printed = io.StringIO()
        with mock.patch.dict(os.environ, HANDRAIL_KEY=self.secret), contextlib.redirect_stdout(printed), ThreadPoolExecutor(1) as threads:
            ends = threads.submit(exec, example, {})
            mails = []
            while not mails and not ends.done():
                mails = self.mails("ann@example.com")
            self.tap(choice, mails[0]["links"][0], notes=notes)
            ends.result()
        return printed.getvalue().strip()

    def test_the_example_of_the_readme_works_as_written(self):
        self.assertEqual(self.run_example("approve"), "Go ahead: approved")
        self.assertEqual(self.run_example("deny", "not today"), "Stop: not today" if VERSION == "0.3.0" else "Stop: denied")
