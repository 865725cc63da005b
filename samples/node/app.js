// SPDX-License-Identifier: Apache-2.0
// A small web service: notes kept as files, compressed answers, hashing in the thread pool.
"use strict";
const crypto = require("crypto");
const fs = require("fs/promises");
const http = require("http");
const path = require("path");
const zlib = require("zlib");

const notes = "/run/whittle-sample-node/data";
const page = "whittle sample: node serves this page\n".repeat(200);

// A name of letters and digits is the only kind that becomes a path.
function notePath(url) {
	const match = /^\/notes\/([A-Za-z0-9]{1,40})$/.exec(url);
	return match ? path.join(notes, match[1] + ".txt") : null;
}

async function readBody(request) {
	const parts = [];
	for await (const part of request)
		parts.push(part);
	return Buffer.concat(parts);
}

async function answer(request, response) {
	const file = notePath(request.url);
	if (request.url === "/" && request.method === "GET") {
		if (!/\bgzip\b/.test(request.headers["accept-encoding"] || ""))
			return response.end(page);
		response.setHeader("Content-Encoding", "gzip");
		return zlib.gzip(page, (error, data) => response.end(data));
	}
	if (request.url === "/notes" && request.method === "GET")
		return response.end(JSON.stringify((await fs.readdir(notes)).sort()));
	if (request.url === "/key" && request.method === "POST") {
		const password = await readBody(request);
		return crypto.scrypt(password, "salt", 32, (error, key) => response.end(key.toString("hex")));
	}
	if (file && request.method === "PUT") {
		// Written beside and renamed, so that a reader never sees half a note.
		const beside = file + ".new";
		await fs.writeFile(beside, await readBody(request));
		await fs.rename(beside, file);
		response.statusCode = 201;
		return response.end();
	}
	if (file && request.method === "GET")
		return response.end(await fs.readFile(file));
	if (file && request.method === "DELETE") {
		await fs.unlink(file);
		return response.end();
	}
	response.statusCode = 404;
	return response.end("no such page\n");
}

const server = http.createServer((request, response) => {
	answer(request, response).catch((error) => {
		response.statusCode = error.code === "ENOENT" ? 404 : 500;
		response.end(`${error.code || error}\n`);
	});
});

server.listen(3000, "127.0.0.1", () => {
	process.setgroups([]);
	process.setgid("nogroup");
	process.setuid("nobody");
});
process.on("SIGTERM", () => {
	server.close(() => process.exit(0));
	server.closeAllConnections();
});
