package rmq.testbed;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One command line, split into words.
 *
 * <p>A word ends at a blank; double quotes keep blanks, and inside them a backslash keeps the next character ({@code \n} is a
 * line feed). A word {@code name=value} is an option; all others are positional.
 */
final class Words {
    /** Every word as written, for words that are somebody else's command line (mqadmin). */
    final List<String> all = new ArrayList<>();
    private final List<String> positional = new ArrayList<>();
    private final Map<String, String> options = new LinkedHashMap<>();

    static Words parse(String line) {
        Words words = new Words();
        StringBuilder word = new StringBuilder();
        int equals = -1;
        boolean quoted = false;
        boolean started = false;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (quoted && c == '\\' && i + 1 < line.length()) {
                char next = line.charAt(++i);
                word.append(next == 'n' ? '\n' : next);
            } else if (c == '"') {
                quoted = !quoted;
                started = true;
            } else if (c == ' ' && !quoted) {
                words.add(started, word.toString(), equals);
                word.setLength(0);
                equals = -1;
                started = false;
            } else {
                // Only an `=` outside quotes makes an option, so a quoted SQL expression stays one word.
                if (c == '=' && !quoted && equals < 0) {
                    equals = word.length();
                }
                word.append(c);
                started = true;
            }
        }
        if (quoted) {
            throw new IllegalArgumentException("a double quote is not closed");
        }
        words.add(started, word.toString(), equals);
        return words;
    }

    private void add(boolean started, String word, int equals) {
        if (!started) {
            return;
        }
        all.add(word);
        if (equals > 0) {
            options.put(word.substring(0, equals), word.substring(equals + 1));
        } else {
            positional.add(word);
        }
    }

    /** The positional word at {@code index}; word 0 is the command. */
    String at(int index, String meaning) {
        if (index >= positional.size()) {
            throw new IllegalArgumentException("word " + index + " is missing: " + meaning);
        }
        return positional.get(index);
    }

    int intAt(int index, String meaning) {
        return Integer.parseInt(at(index, meaning));
    }

    boolean has(String name) {
        return options.containsKey(name);
    }

    String need(String name) {
        if (!has(name)) {
            throw new IllegalArgumentException("option " + name + "= is missing");
        }
        return options.get(name);
    }

    String text(String name, String otherwise) {
        return options.getOrDefault(name, otherwise);
    }

    long number(String name, long otherwise) {
        return has(name) ? Long.parseLong(options.get(name)) : otherwise;
    }

    int whole(String name, int otherwise) {
        return Math.toIntExact(number(name, otherwise));
    }

    boolean flag(String name, boolean otherwise) {
        return has(name) ? Boolean.parseBoolean(options.get(name)) : otherwise;
    }

    /** The options whose name starts with {@code prefix}, without the prefix. */
    Map<String, String> withPrefix(String prefix) {
        Map<String, String> found = new LinkedHashMap<>();
        options.forEach((name, value) -> {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), value);
            }
        });
        return found;
    }
}
