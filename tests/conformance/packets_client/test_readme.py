"""The README's example, as it stands there: only the address is this test's."""

import contextlib
import io
import os
from pathlib import Path
from unittest import mock

from desk import ORIGIN, Desk

README = (Path(__file__).parents[3] / "README.md").read_text()


class Readme(Desk):
    def test_the_example_of_the_readme_works_as_written(self):
        examples = [part.split("```")[0] for part in README.split("```python\n")[1:]]
        [example] = [example for example in examples if "handoffrail" in example]
        example = example.replace("http://127.0.0.1:8787", ORIGIN)
        self.assertIn(ORIGIN, example)
        printed = io.StringIO()
        with mock.patch.dict(os.environ, HANDRAIL_KEY=self.key_of("writer")), contextlib.redirect_stdout(printed):
            exec(example, {})
        self.assertEqual(printed.getvalue().strip(), "completed")
