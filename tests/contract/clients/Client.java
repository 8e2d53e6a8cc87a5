import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/** Java's own client as it stands: `java Client.java BASE_URL KEY BODY` prints a status and a body per line. */
public class Client {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        var body = arguments[2].getBytes("UTF-8");
        var streamed = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
        for (BodyPublisher publisher : new BodyPublisher[] {BodyPublishers.ofByteArray(body), streamed}) {
            for (boolean waits : new boolean[] {false, true}) {
                var request =
                    HttpRequest.newBuilder(URI.create(arguments[0] + "/chat/completions"))
                        .header("Authorization", "Bearer " + arguments[1])
                        .header("Content-Type", "application/json")
                        .expectContinue(waits)
                        .POST(publisher)
                        .build();
                var answer = client.send(request, BodyHandlers.ofString());
                System.out.println(answer.statusCode() + " " + answer.body());
            }
        }
    }
}
