# SPDX-License-Identifier: Apache-2.0
"""A Flask application: pages, a session, an upload, a download, streaming, a failure."""
import time

from flask import Flask, Response, abort, redirect, render_template_string, request, send_file, session, stream_with_context


def create_app():
    app = Flask(__name__)
    app.secret_key = "not for production"

    @app.get("/")
    def index():
        return render_template_string("<h1>{{ title }}</h1><p>{{ name }}</p>", title="Shop", name=session.get("name", "nobody"))

    @app.post("/login")
    def login():
        session["name"] = request.form["name"]
        return redirect("/")

    @app.post("/upload")
    def upload():
        file = request.files["file"]
        data = file.read()
        return {"name": file.filename, "size": len(data), "sum": sum(data)}

    @app.post("/json")
    def json():
        return {"got": request.get_json()}

    @app.get("/stream")
    def stream():
        def pieces():
            for number in range(3):
                yield f"{number} {request.path}\n"
                time.sleep(0.05)
        return Response(stream_with_context(pieces()), mimetype="text/plain")

    @app.get("/download")
    def download():
        return send_file(__file__, mimetype="text/x-python")

    @app.get("/fails")
    def fails():
        raise RuntimeError("the reason")

    @app.get("/missing")
    def missing():
        abort(404)

    return app
