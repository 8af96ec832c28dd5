import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Properties;
import java.util.stream.Collectors;

/** Answer each path on a line with the file's keys and values in base64, separated by spaces. */
public class ReadProperties {
    public static void main(String[] arguments) throws Exception {
        BufferedReader paths = new BufferedReader(new InputStreamReader(System.in));
        for (String path = paths.readLine(); path != null; path = paths.readLine()) {
            Properties properties = new Properties();
            try (FileInputStream file = new FileInputStream(path)) {
                properties.load(file);
            }
            System.out.println(properties.entrySet().stream()
                .flatMap(entry -> java.util.stream.Stream.of(entry.getKey(), entry.getValue()))
                .map(text -> Base64.getEncoder().encodeToString(
                    ((String) text).getBytes(StandardCharsets.UTF_8)) + ".")
                .collect(Collectors.joining(" ")));
        }
    }
}
