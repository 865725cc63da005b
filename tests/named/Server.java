// SPDX-License-Identifier: Apache-2.0

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;

/**
 * A Java server that is hot and does the rare thing late: its threads are stopped by pages that fault, a null
 * reference is a SIGSEGV once the code is compiled, the collector runs, classes are loaded, and children are made by a
 * helper program.
 */
public final class Server {
	private static final class Late {
		static String child() throws Exception {
			Process child = new ProcessBuilder("/bin/cat", "served").start();
			String text = new String(child.getInputStream().readAllBytes());
			Files.createDirectory(Path.of("late-folder"));
			return child.waitFor() == 0 ? text : "failed";
		}
	}

	private static int length(String text) {
		try {
			return text.length();
		} catch (NullPointerException e) {
			return -1;
		}
	}

	private static String busy() {
		byte[][] garbage = new byte[64][];
		long sum = 0;
		for (int i = 0; i < 200000; i++) {
			garbage[i % garbage.length] = new byte[256];
			sum += length(i % 1000 == 0 ? null : "text");
		}
		System.gc();
		return sum == 200000L * 4 - 200 * 5 ? "busy" : "wrong " + sum;
	}

	private interface Answer {
		String text() throws Exception;
	}

	private static void answer(HttpServer server, String path, Answer answer) {
		server.createContext(path, exchange -> {
			byte[] body;
			try {
				body = answer.text().getBytes();
			} catch (Exception e) {
				body = e.toString().getBytes();
			}
			exchange.sendResponseHeaders(200, body.length);
			exchange.getResponseBody().write(body);
			exchange.close();
		});
	}

	public static void main(String[] args) throws Exception {
		Path served = Path.of("served");
		Files.writeString(served, "file");
		HttpServer server = HttpServer.create(
			new InetSocketAddress(InetAddress.getByName("127.0.0.1"), Integer.parseInt(args[0])), 64);
		server.setExecutor(Executors.newFixedThreadPool(8));
		answer(server, "/", () -> "index");
		answer(server, "/file", () -> Files.readString(served));
		answer(server, "/busy", Server::busy);
		answer(server, "/late", Late::child);
		server.start();
		// It is ready when this is there.
		Files.writeString(Path.of("pid"), Long.toString(ProcessHandle.current().pid()));
	}
}
