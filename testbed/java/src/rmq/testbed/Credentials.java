package rmq.testbed;

import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.remoting.RPCHook;

/** How requests are signed. Builds with 4.9.7 too. */
final class Credentials {
    /** Signs requests when {@code ak=} and {@code sk=} are given. */
    static RPCHook of(Words words) {
        return words.has("ak") ? new AclClientRPCHook(new SessionCredentials(words.need("ak"), words.need("sk"))) : null;
    }

    private Credentials() {
    }
}
