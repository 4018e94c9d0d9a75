/** The same as the page does, as programs: what is typed on the page stands in them. */
import type { TryProtocol } from './link.ts';

export const LANGUAGES = ['JavaScript', 'Python', 'Java', 'Go', 'C#'] as const;
export type Language = (typeof LANGUAGES)[number];

export interface CodeOptions {
  readonly protocol: TryProtocol;
  readonly host: string;
  readonly address: string;
  readonly body: string;
  readonly user: string;
}

/** As a string of the language: JSON's escapes are understood by all five. */
const quoted = (text: string): string => JSON.stringify(text);

const PROGRAMS: Readonly<Record<TryProtocol, Readonly<Record<Language, (options: CodeOptions) => string>>>> = {
  mqtt: {
    JavaScript: ({ host, address, body, user }) => `// npm install mqtt
import mqtt from 'mqtt';

const client = await mqtt.connectAsync(${quoted(`mqtt://${host}:1883`)}, { username: ${quoted(user)}, password: '…' });
client.on('message', (topic, payload) => console.log(topic, payload.toString()));
await client.subscribeAsync(${quoted(address)}, { qos: 1 });
await client.publishAsync(${quoted(address)}, ${quoted(body)}, { qos: 1 });
`,
    Python: ({ host, address, body, user }) => `# pip install paho-mqtt
import paho.mqtt.client as mqtt

def connected(client, userdata, flags, reason, properties):
    client.subscribe(${quoted(address)}, qos=1)
    client.publish(${quoted(address)}, ${quoted(body)}, qos=1)

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.username_pw_set(${quoted(user)}, "…")
client.on_connect = connected
client.on_message = lambda client, userdata, message: print(message.topic, message.payload.decode())
client.connect(${quoted(host)}, 1883)
client.loop_forever()
`,
    Java: ({ host, address, body, user }) => `// org.eclipse.paho:org.eclipse.paho.client.mqttv3
import org.eclipse.paho.client.mqttv3.*;

public class Try {
  public static void main(String[] arguments) throws MqttException {
    MqttClient client = new MqttClient(${quoted(`tcp://${host}:1883`)}, MqttClient.generateClientId());
    MqttConnectOptions options = new MqttConnectOptions();
    options.setUserName(${quoted(user)});
    options.setPassword("…".toCharArray());
    client.connect(options);
    client.subscribe(${quoted(address)}, 1, (topic, message) -> System.out.println(topic + " " + message));
    client.publish(${quoted(address)}, ${quoted(body)}.getBytes(), 1, false);
  }
}
`,
    Go: ({ host, address, body, user }) => `// go get github.com/eclipse/paho.mqtt.golang
package main

import (
	"fmt"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

func main() {
	options := mqtt.NewClientOptions().AddBroker(${quoted(`tcp://${host}:1883`)}).SetUsername(${quoted(user)}).SetPassword("…")
	client := mqtt.NewClient(options)
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		panic(token.Error())
	}
	client.Subscribe(${quoted(address)}, 1, func(_ mqtt.Client, message mqtt.Message) {
		fmt.Println(message.Topic(), string(message.Payload()))
	}).Wait()
	client.Publish(${quoted(address)}, 1, false, ${quoted(body)}).Wait()
	select {}
}
`,
    'C#': ({ host, address, body, user }) => `// dotnet add package MQTTnet
using System.Text;
using MQTTnet;

var client = new MqttClientFactory().CreateMqttClient();
client.ApplicationMessageReceivedAsync += received =>
{
    Console.WriteLine(received.ApplicationMessage.Topic + " " + received.ApplicationMessage.ConvertPayloadToString());
    return Task.CompletedTask;
};
await client.ConnectAsync(new MqttClientOptionsBuilder()
    .WithTcpServer(${quoted(host)}, 1883).WithCredentials(${quoted(user)}, "…").Build());
await client.SubscribeAsync(${quoted(address)});
await client.PublishStringAsync(${quoted(address)}, ${quoted(body)});
await Task.Delay(Timeout.Infinite);
`,
  },
  stomp: {
    JavaScript: ({ host, address, body, user }) => `// npm install @stomp/stompjs
import { Client } from '@stomp/stompjs';

const client = new Client({
  brokerURL: ${quoted(`ws://${host}:15674/ws`)},
  connectHeaders: { login: ${quoted(user)}, passcode: '…' },
  onConnect: () => {
    client.subscribe(${quoted(address)}, (message) => console.log(message.body));
    client.publish({ destination: ${quoted(address)}, body: ${quoted(body)} });
  },
});
client.activate();
`,
    Python: ({ host, address, body, user }) => `# pip install stomp.py
import time
import stomp

class Printing(stomp.ConnectionListener):
    def on_message(self, frame):
        print(frame.headers["destination"], frame.body)

connection = stomp.Connection12([(${quoted(host)}, 61613)])
connection.set_listener("", Printing())
connection.connect(${quoted(user)}, "…", wait=True)
connection.subscribe(${quoted(address)}, id="1", ack="auto")
connection.send(${quoted(address)}, ${quoted(body)})
time.sleep(60)
`,
    Java: ({ host, address, body, user }) => `// org.springframework:spring-websocket, reactor-netty
import org.springframework.messaging.simp.stomp.*;

public class Try {
  public static void main(String[] arguments) throws Exception {
    ReactorNettyTcpStompClient client = new ReactorNettyTcpStompClient(${quoted(host)}, 61613);
    client.setMessageConverter(new org.springframework.messaging.converter.StringMessageConverter());
    StompHeaders headers = new StompHeaders();
    headers.setLogin(${quoted(user)});
    headers.setPasscode("…");
    client.connectAsync(headers, new StompSessionHandlerAdapter() {
      @Override public void afterConnected(StompSession session, StompHeaders connected) {
        session.subscribe(${quoted(address)}, this);
        session.send(${quoted(address)}, ${quoted(body)});
      }
      @Override public void handleFrame(StompHeaders frame, Object payload) {
        System.out.println(payload);
      }
    });
    Thread.currentThread().join();
  }
}
`,
    Go: ({ host, address, body, user }) => `// go get github.com/go-stomp/stomp/v3
package main

import (
	"fmt"

	"github.com/go-stomp/stomp/v3"
)

func main() {
	connection, err := stomp.Dial("tcp", ${quoted(`${host}:61613`)}, stomp.ConnOpt.Login(${quoted(user)}, "…"))
	if err != nil {
		panic(err)
	}
	subscription, err := connection.Subscribe(${quoted(address)}, stomp.AckAuto)
	if err != nil {
		panic(err)
	}
	if err := connection.Send(${quoted(address)}, "text/plain", []byte(${quoted(body)})); err != nil {
		panic(err)
	}
	for message := range subscription.C {
		fmt.Println(string(message.Body))
	}
}
`,
    'C#': ({ host, address, body, user }) => `// dotnet add package Apache.NMS.STOMP
using Apache.NMS;
using Apache.NMS.Stomp;

var factory = new ConnectionFactory(${quoted(`stomp:tcp://${host}:61613`)});
using var connection = factory.CreateConnection(${quoted(user)}, "…");
connection.Start();
using var session = connection.CreateSession();
var destination = session.GetDestination(${quoted(address.replace(/^\/(queue|topic)\//, '$1://'))});
session.CreateConsumer(destination).Listener += message => Console.WriteLine(((ITextMessage)message).Text);
session.CreateProducer(destination).Send(session.CreateTextMessage(${quoted(body)}));
Thread.Sleep(Timeout.Infinite);
`,
  },
};

export const codeOf = (language: Language, options: CodeOptions): string =>
  PROGRAMS[options.protocol][language](options);
