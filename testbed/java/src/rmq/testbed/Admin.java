package rmq.testbed;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.security.Permission;
import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * {@code admin}: runs an mqadmin command line in this process and answers what it printed.
 *
 * <p>Compiles against the tools of 4.9.7 and of 5.5.0; each cluster is administered with the jars of its own version.
 */
final class Admin {
    /** An Error, because the tool catches every Exception and prints its stack. */
    private static final class ExitRefused extends Error {
        ExitRefused(int status) {
            super("mqadmin refuses the command line (exit status " + status + ")");
        }
    }

    /** A bad option makes the tool call System.exit; the process must outlive that. */
    @SuppressWarnings({"deprecation", "removal"})
    static void refuseExit() {
        System.setSecurityManager(new SecurityManager() {
            @Override
            public void checkPermission(Permission permission) {
            }

            @Override
            public void checkPermission(Permission permission, Object context) {
            }

            @Override
            public void checkExit(int status) {
                for (StackTraceElement frame : Thread.currentThread().getStackTrace()) {
                    if (frame.getClassName().startsWith("org.apache.rocketmq.")) {
                        throw new ExitRefused(status);
                    }
                }
            }
        });
    }

    /** One at a time: the tool prints to System.out, which belongs to the whole process. */
    static synchronized String run(Words words) throws Exception {
        forgetCommands();
        List<String> line = new ArrayList<>(words.all.subList(1, words.all.size()));
        line.removeIf(word -> word.matches("(ak|sk|tls)=.*"));
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream capture = new PrintStream(printed, true, StandardCharsets.UTF_8);
        PrintStream out = System.out;
        PrintStream err = System.err;
        System.setOut(capture);
        System.setErr(capture);
        try {
            MQAdminStartup.main0(line.toArray(new String[0]), Credentials.of(words));
        } catch (ExitRefused e) {
            throw new IllegalArgumentException(e.getMessage() + "\n" + printed.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        return printed.toString(StandardCharsets.UTF_8);
    }

    /** The sub-commands are static and would keep the shut-down client of the last call. */
    private static void forgetCommands() throws ReflectiveOperationException {
        Field commands;
        try {
            commands = MQAdminStartup.class.getDeclaredField("SUB_COMMANDS");
        } catch (NoSuchFieldException e) {
            commands = MQAdminStartup.class.getDeclaredField("subCommandList"); // its name in 4.9.7
        }
        commands.setAccessible(true);
        ((List<?>) commands.get(null)).clear();
    }

    private Admin() {
    }
}
