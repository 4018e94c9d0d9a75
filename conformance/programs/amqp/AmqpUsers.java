import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * What users of RabbitMQ's Java client write: `java -cp amqp-client.jar:slf4j-api.jar AmqpUsers.java PORT`. Prints a line for
 * each thing that works, and ends with an exception at the first that does not.
 */
public class AmqpUsers {
  private static final long TIMEOUT_MS = 10_000;

  public static void main(String[] args) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setHost("127.0.0.1");
    factory.setPort(Integer.parseInt(args[0]));
    factory.setAutomaticRecoveryEnabled(false);
    try (Connection connection = factory.newConnection("java")) {
      publishConfirmGet(connection);
      bind(connection);
      consumeNack(connection);
      deadLetter(connection);
      fullQueue(connection);
      transaction(connection);
      cancelled(connection);
      error(connection);
    }
    works("leaving in order");
  }

  private static void publishConfirmGet(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.confirmSelect();
    AMQP.Queue.DeclareOk declared = channel.queueDeclare("java.q", true, false, false, null);
    expect(declared.getMessageCount(), 0);
    Map<String, Object> headers = new HashMap<>();
    headers.put("number", 7);
    headers.put("large", 1L << 40);
    headers.put("yes", true);
    headers.put("list", Arrays.asList(1, 2.5, null));
    headers.put("table", Collections.singletonMap("a", (byte) 1));
    AMQP.BasicProperties properties =
        MessageProperties.PERSISTENT_TEXT_PLAIN.builder().headers(headers).messageId("m-1").correlationId("c-1").build();
    for (int i = 0; i < 100; i++) channel.basicPublish("", "java.q", properties, ("message " + i).getBytes("UTF-8"));
    channel.waitForConfirmsOrDie(TIMEOUT_MS);
    works("publish with confirms");
    GetResponse got = channel.basicGet("java.q", false);
    expect(new String(got.getBody(), "UTF-8"), "message 0");
    expect(got.getMessageCount(), 99);
    expect(got.getProps().getMessageId(), "m-1");
    expect(got.getProps().getHeaders(), headers);
    channel.basicAck(got.getEnvelope().getDeliveryTag(), false);
    expect(channel.queuePurge("java.q").getMessageCount(), 99);
    expect(channel.basicGet("java.q", false), null);
    channel.queueDelete("java.q");
    works("get, acknowledge, purge");
    channel.close();
  }

  private static void bind(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.exchangeDeclare("java.x", "topic", true);
    channel.exchangeDeclare("java.inner", "fanout", true, false, true, null);
    channel.exchangeBind("java.inner", "java.x", "orders.#");
    String queue = channel.queueDeclare().getQueue();
    channel.queueBind(queue, "java.inner", "");
    channel.basicPublish("java.x", "orders.7.created", null, "in".getBytes());
    channel.basicPublish("java.x", "news", null, "out".getBytes());
    Deliveries deliveries = new Deliveries(channel);
    channel.basicConsume(queue, true, deliveries);
    expect(deliveries.next().text(), "in");
    channel.exchangeUnbind("java.inner", "java.x", "orders.#");
    channel.queueUnbind(queue, "java.inner", "");
    channel.exchangeDelete("java.inner");
    channel.exchangeDelete("java.x");
    works("bind queues and exchanges, unbind");
    channel.close();
  }

  private static void consumeNack(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.queueDeclare("java.work", true, false, false, null);
    channel.confirmSelect();
    for (int i = 0; i < 5; i++) {
      channel.basicPublish("", "java.work", MessageProperties.PERSISTENT_BASIC, String.valueOf(i).getBytes());
    }
    channel.waitForConfirmsOrDie(TIMEOUT_MS);
    channel.basicQos(2);
    Deliveries deliveries = new Deliveries(channel);
    channel.basicConsume("java.work", false, deliveries);
    List<String> seen = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Deliveries.One one = deliveries.next();
      seen.add(one.text());
      if (one.text().equals("2") && !one.envelope.isRedeliver()) {
        channel.basicNack(one.envelope.getDeliveryTag(), false, true);
      } else {
        channel.basicAck(one.envelope.getDeliveryTag(), false);
      }
    }
    Collections.sort(seen);
    expect(seen, Arrays.asList("0", "1", "2", "2", "3", "4"));
    expect(channel.messageCount("java.work"), 0L);
    channel.queueDelete("java.work");
    works("consume with prefetch, acknowledge, nack with requeue");
    channel.close();
  }

  private static void deadLetter(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.queueDeclare("java.dead", true, false, false, null);
    Map<String, Object> arguments = new HashMap<>();
    arguments.put("x-dead-letter-exchange", "");
    arguments.put("x-dead-letter-routing-key", "java.dead");
    arguments.put("x-message-ttl", 60_000);
    channel.queueDeclare("java.rejects", true, false, false, arguments);
    channel.queueDeclare("java.rejects", true, false, false, arguments);
    channel.basicPublish("", "java.rejects", null, "poison".getBytes());
    Deliveries deliveries = new Deliveries(channel);
    channel.basicConsume("java.rejects", false, deliveries);
    channel.basicReject(deliveries.next().envelope.getDeliveryTag(), false);
    Deliveries dead = new Deliveries(channel);
    channel.basicConsume("java.dead", true, dead);
    Deliveries.One one = dead.next();
    Map<?, ?> death = (Map<?, ?>) ((List<?>) one.properties.getHeaders().get("x-death")).get(0);
    expect(one.text(), "poison");
    expect(death.get("reason").toString(), "rejected");
    expect(death.get("queue").toString(), "java.rejects");
    expect(death.get("count"), 1L);
    channel.queueDelete("java.rejects");
    channel.queueDelete("java.dead");
    works("reject, dead letter");
    channel.close();
  }

  private static void fullQueue(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    Map<String, Object> arguments = new HashMap<>();
    arguments.put("x-max-length", 1);
    arguments.put("x-overflow", "reject-publish");
    channel.queueDeclare("java.full", true, false, false, arguments);
    channel.confirmSelect();
    channel.basicPublish("", "java.full", null, "fits".getBytes());
    expect(channel.waitForConfirms(TIMEOUT_MS), true);
    channel.basicPublish("", "java.full", null, "does not".getBytes());
    expect(channel.waitForConfirms(TIMEOUT_MS), false);
    channel.queueDelete("java.full");
    works("a full queue's negative confirm");
    channel.close();
  }

  private static void transaction(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.queueDeclare("java.tx", true, false, false, null);
    channel.txSelect();
    channel.basicPublish("", "java.tx", null, "rolled back".getBytes());
    channel.txRollback();
    channel.basicPublish("", "java.tx", null, "committed".getBytes());
    channel.txCommit();
    expect(new String(channel.basicGet("java.tx", true).getBody()), "committed");
    expect(channel.basicGet("java.tx", true), null);
    channel.queueDelete("java.tx");
    works("transactions");
    channel.close();
  }

  private static void cancelled(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.queueDeclare("java.going", true, false, false, null);
    Deliveries deliveries = new Deliveries(channel);
    channel.basicConsume("java.going", true, deliveries);
    connection.createChannel().queueDelete("java.going");
    if (deliveries.cancels.poll(TIMEOUT_MS, TimeUnit.MILLISECONDS) == null) throw new IllegalStateException("no cancel");
    works("a consumer hears that its queue is gone");
    channel.close();
  }

  private static void error(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    try {
      channel.queueDeclarePassive("java.nowhere");
      throw new IllegalStateException("a queue that is not there was found");
    } catch (IOException closed) {
      AMQP.Channel.Close reason = (AMQP.Channel.Close) ((ShutdownSignalException) closed.getCause()).getReason();
      expect(reason.getReplyCode(), 404);
      expect(reason.getReplyText(), "NOT_FOUND - no queue 'java.nowhere' in vhost '/'");
    }
    connection.createChannel().close();
    works("an error closes the channel, and the connection lives");
  }

  private static void works(String what) {
    System.out.println("works: " + what);
  }

  private static void expect(Object got, Object wanted) {
    if (!Objects.equals(String.valueOf(got), String.valueOf(wanted))) {
      throw new IllegalStateException(got + " instead of " + wanted);
    }
  }

  /** A consumer whose deliveries are waited for. */
  private static class Deliveries extends DefaultConsumer {
    private final BlockingQueue<One> waiting = new LinkedBlockingQueue<>();
    final BlockingQueue<String> cancels = new LinkedBlockingQueue<>();

    Deliveries(Channel channel) {
      super(channel);
    }

    @Override
    public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
      waiting.add(new One(envelope, properties, body));
    }

    @Override
    public void handleCancel(String tag) {
      cancels.add(tag);
    }

    One next() throws InterruptedException {
      One one = waiting.poll(TIMEOUT_MS, TimeUnit.MILLISECONDS);
      if (one == null) throw new IllegalStateException("no delivery came");
      return one;
    }

    static class One {
      final Envelope envelope;
      final AMQP.BasicProperties properties;
      private final byte[] body;

      One(Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
        this.envelope = envelope;
        this.properties = properties;
        this.body = body;
      }

      String text() {
        return new String(body);
      }
    }
  }
}
