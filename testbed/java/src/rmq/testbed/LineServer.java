package rmq.testbed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/**
 * Serves one command line per connection on a loopback port.
 *
 * <p>The answer is any number of lines, then a last line {@code ok} or {@code failed}, then the end of the stream: an answer
 * cut off by a dying driver has no such last line, so it cannot pass for a complete one.
 */
final class LineServer {
    /** What a command does: its answer, or an exception whose text becomes a {@code failed} answer. */
    interface Command {
        String run(Words words) throws Exception;
    }

    private final Map<String, Command> commands = new TreeMap<>();
    private final Map<String, String> usages = new TreeMap<>();

    LineServer() {
        on("help", "help", words -> String.join("\n", usages.values()));
        on("exit", "exit: ends this process", words -> {
            // Not System.exit: clients of clusters already gone would delay it by seconds.
            Runtime.getRuntime().halt(0);
            return "";
        });
        on("prop", "prop NAME VALUE: sets a system property", words ->
            String.valueOf(System.setProperty(words.at(1, "name"), words.at(2, "value"))));
    }

    LineServer on(String name, String usage, Command command) {
        commands.put(name, command);
        usages.put(name, usage);
        return this;
    }

    /** Prints {@code listening on PORT} and serves until the process ends. */
    void serve() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 64, InetAddress.getLoopbackAddress())) {
            System.out.println("listening on " + server.getLocalPort());
            while (true) {
                Socket socket = server.accept();
                Thread thread = new Thread(() -> answer(socket), "command");
                thread.setDaemon(true);
                thread.start();
            }
        }
    }

    private void answer(Socket socket) {
        try (socket) {
            String line = new BufferedReader(
                new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8)).readLine();
            if (line == null) {
                return;
            }
            String body;
            String last;
            try {
                body = run(Words.parse(line));
                last = "ok";
            } catch (Throwable t) {
                body = describe(t);
                last = "failed";
            }
            OutputStream out = socket.getOutputStream();
            String separator = body.isEmpty() || body.endsWith("\n") ? "" : "\n";
            out.write((body + separator + last + "\n").getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            System.out.println("a caller went away: " + e);
        }
    }

    private String run(Words words) throws Exception {
        Command command = commands.get(words.at(0, "the command"));
        if (command == null) {
            throw new IllegalArgumentException("unknown command " + words.at(0, "") + "; there are " + commands.keySet());
        }
        return command.run(words);
    }

    /** The exception and its causes, one a line: RocketMQ hides the broker's answer in a cause. */
    private static String describe(Throwable t) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = t; cause != null; cause = cause.getCause()) {
            text.append(cause).append('\n');
        }
        return text.toString();
    }
}
