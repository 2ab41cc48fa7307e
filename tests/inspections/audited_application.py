"""A small application in three frameworks, with holes and with decoys that only look like some."""

FLASK = r"""import os
import sqlite3
import subprocess

from flask import Flask, abort, redirect, render_template, request, send_file, session, url_for
from functools import wraps

app = Flask(__name__)
UPLOADS = "/srv/uploads"


def login_required(view):
    @wraps(view)
    def wrapped(*args, **kwargs):
        if "user_id" not in session:
            return redirect(url_for("login"))
        return view(*args, **kwargs)

    return wrapped


def db():
    return sqlite3.connect("shop.db")


@app.route("/login", methods=["GET", "POST"])
def login():
    row = db().execute("SELECT id FROM users WHERE name = ?", (request.form["name"],)).fetchone()
    if row:
        session["user_id"] = row[0]
        return redirect(url_for("index"))
    return render_template("login.html")


@app.route("/")
def index():
    return render_template("index.html")


@app.route("/search")
@login_required
def search():
    term = request.args.get("q", "")
    sort = request.args.get("sort", "name")
    rows = db().execute("SELECT * FROM items WHERE name LIKE ? ORDER BY " + sort, (term,)).fetchall()
    return render_template("search.html", rows=rows)


@app.route("/invoices/<int:invoice_id>")
@login_required
def show_invoice(invoice_id):
    row = db().execute("SELECT * FROM invoices WHERE id = ?", (invoice_id,)).fetchone()
    if row is None or row[1] != session["user_id"]:
        abort(404)
    return render_template("invoice.html", row=row)


@app.route("/invoices/<int:invoice_id>/print")
@login_required
def print_invoice(invoice_id):
    row = db().execute("SELECT * FROM invoices WHERE id = ?", (invoice_id,)).fetchone()
    return render_template("print.html", row=row)


@app.route("/download")
@login_required
def download():
    return fetch_upload(request.args["name"])


def fetch_upload(name):
    path = os.path.join(UPLOADS, name)
    return send_file(path)


@app.route("/admin/users")
def admin_users():
    rows = db().execute("SELECT id, name FROM users").fetchall()
    return render_template("users.html", rows=rows)


def warm_cache():
    subprocess.run("find /srv/uploads -name '*.tmp' -delete", shell=True)
"""
EXPRESS = r"""const express = require('express');
const path = require('path');
const fs = require('fs');
const { execSync } = require('child_process');
const { requireUser } = require('./auth');
const router = express.Router();

const ROOT = '/srv/reports';

router.get('/report', requireUser, (req, res) => {
  const { name } = req.query;
  const file = path.join(ROOT, name);
  res.send(fs.readFileSync(file, 'utf8'));
});

router.get('/logo', requireUser, (req, res) => {
  const name = path.basename(req.query.name);
  res.sendFile(path.join(ROOT, name));
});

router.get('/go', requireUser, (req, res) => {
  res.redirect(req.query.next);
});

router.get('/version', requireUser, (req, res) => {
  res.send(execSync('git rev-parse HEAD').toString());
});

module.exports = router;
"""
EXPRESS_AUTH = r"""exports.requireUser = (req, res, next) => (req.session.user ? next() : res.sendStatus(401));
"""
GO = r"""package main

import (
	"net/http"
	"os"
	"path/filepath"
)

func show(w http.ResponseWriter, r *http.Request) {
	name := filepath.Base(r.URL.Query().Get("name"))
	data, err := os.ReadFile(filepath.Join("/srv/pages", name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Write(data)
}

func raw(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	http.ServeFile(w, r, filepath.Join("/srv/pages", name))
}

func main() {
	http.HandleFunc("/show", show)
	http.HandleFunc("/raw", raw)
	http.ListenAndServe(":8080", nil)
}
"""
APPLICATION = {
    "flaskapp/app.py": FLASK,
    "expressapp/server.js": EXPRESS,
    "expressapp/auth.js": EXPRESS_AUTH,
    "goapp/main.go": GO,
}
HOLES = (
    "flaskapp/app.py:45",  # SQL: the column to sort by
    "flaskapp/app.py:60",  # an invoice without the owner check of its sibling
    "flaskapp/app.py:73",  # a path, through one call
    "flaskapp/app.py:77",  # no login check
    "expressapp/server.js:13",  # a path
    "expressapp/server.js:22",  # a redirect
    "goapp/main.go:21",  # a path
)
DECOYS = (
    "flaskapp/app.py:83",  # a command of literals
    "expressapp/server.js:18",  # the last part of a path only
    "expressapp/server.js:26",  # a command of literals
    "goapp/main.go:11",  # the last part of a path only
)
