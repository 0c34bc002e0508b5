"""upload_attachment and list_attachments: from a path and from bytes, and what is no file to look at."""

import tempfile
from pathlib import Path

import httpx
from the_handover import Attachment, HandoverError

from desk import ORIGIN, Desk

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000154a24f5d0000000049454e44ae426082"
)
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
MEGABYTE = 1024 * 1024


class Attachments(Desk):
    def refused(self, status, words, *arguments):
        with self.assertRaises(HandoverError) as refused:
            self.agent.upload_attachment(*arguments)
        message = str(refused.exception)
        self.assertTrue(message.startswith(f"API error {status}: ") and words in message, message)

    def test_files_from_paths_and_from_bytes_reach_the_approver(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "Rechnung für März.pdf"
        path.write_bytes(PDF)
        id = self.ask()
        first = self.agent.upload_attachment(id, path)
        self.assertEqual([(file.name, file.type, file.size) for file in first], [(path.name, "application/pdf", len(PDF))])
        self.agent.upload_attachment(id, str(path))
        every = self.agent.upload_attachment(id, ("notes.csv", "größe;zahl\n1;2\n".encode(), "text/csv"))
        self.agent.upload_attachment(id, ("pixel.png", PNG, "image/png"))
        self.assertEqual([file.name for file in every], [path.name, path.name, "notes.csv"])

        listed = self.agent.list_attachments(id)
        expected = [(path.name, "application/pdf"), (path.name, "application/pdf"), ("notes.csv", "text/csv"), ("pixel.png", "image/png")]
        self.assertEqual([(file.name, file.type) for file in listed], expected)
        self.assertTrue(all(isinstance(file, Attachment) for file in listed))
        self.assertEqual([file.name for file in self.agent.get(id).attachments], [file.name for file in listed])
        # Without a key, as the approver opens them.
        for file, content in zip(listed, [PDF, PDF, "größe;zahl\n1;2\n".encode(), PNG]):
            opened = httpx.get(file.url, follow_redirects=True)
            self.assertEqual((opened.status_code, opened.content), (200, content))
            self.assertEqual(opened.headers["x-content-type-options"], "nosniff")
            self.assertTrue(opened.headers["content-disposition"].startswith("attachment"))
        page = self.http.get(self.page()).text
        for name in [path.name, "notes.csv", "pixel.png"]:
            self.assertIn(name, page)

    def test_a_decision_without_files_has_none(self):
        id = self.ask()
        self.assertEqual(self.agent.list_attachments(id), [])
        self.assertIsNone(self.agent.get(id).attachments)

    def test_every_kind_that_the_client_promises_is_taken(self):
        kinds = "png jpg jpeg gif webp pdf doc docx xls xlsx ppt pptx csv txt md json xml rtf".split()
        starts = {
            "png": PNG, "jpg": b"\xff\xd8\xff\xe0", "jpeg": b"\xff\xd8\xff\xe0", "gif": b"GIF89a", "webp": b"RIFF\x04\0\0\0WEBP", "pdf": PDF,
            "doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "docx": b"PK\x03\x04", "rtf": b"{\\rtf1}", "json": b"{}", "xml": b"<a/>",
        }
        for old, new in [("doc", "docx"), ("xls", "xlsx"), ("ppt", "pptx")]:
            starts[old], starts[new] = starts["doc"], starts["docx"]
        for kind in kinds:
            with self.subTest(kind=kind):
                content = starts.get(kind, b"plain text\n")
                [file] = self.agent.upload_attachment(self.ask(), (f"file.{kind.upper()}", content, "application/octet-stream"))
                self.assertEqual((file.name, file.size), (f"file.{kind.upper()}", len(content)))
                self.assertNotEqual(file.type, "application/octet-stream")

    def test_what_could_run_is_refused_whatever_it_is_called(self):
        id = self.ask()
        for name, content in [
            ("setup.exe", b"MZ\x90\0"), ("run.sh", b"echo"), ("report.pdf.js", b"alert(1)"), ("page.html", b"<script>"),
            ("report.pdf", b"MZ\x90\0" + bytes(100)), ("notes.txt", b"#!/bin/sh\n"), ("photo.png", b"\x7fELF" + bytes(100)), ("noname", b"x"),
        ]:
            with self.subTest(name=name):
                self.refused(400, "", id, (name, content, "application/pdf"))
        self.assertEqual(self.agent.list_attachments(id), [])

    def test_five_files_are_enough(self):
        id = self.ask()
        for at in range(5):
            self.assertEqual(len(self.agent.upload_attachment(id, (f"{at}.txt", b"x", "text/plain"))), at + 1)
        self.refused(400, "", id, ("6.txt", b"x", "text/plain"))
        self.assertEqual(len(self.agent.list_attachments(id)), 5)

    def test_ten_megabytes_are_enough(self):
        id = self.ask()
        [file] = self.agent.upload_attachment(id, ("large.txt", b"x" * 10 * MEGABYTE, "text/plain"))
        self.assertEqual(file.size, 10 * MEGABYTE)
        self.refused(413, "", id, ("larger.txt", b"x" * (10 * MEGABYTE + 1), "text/plain"))

    def test_only_an_open_decision_takes_files(self):
        file = ("a.txt", b"x", "text/plain")
        id = self.ask()
        self.app.resolve(id, "approve")
        self.refused(409, "", id, file)
        id = self.ask(timeout_minutes=1)
        self.advance(minutes=1)
        self.refused(410, "", id, file)
        self.refused(404, "", "018f0000-0000-7000-8000-000000000000", file)
        self.assertEqual(httpx.post(f"{ORIGIN}/decisions/{id}/attachments", files={"file": file}).status_code, 401)
