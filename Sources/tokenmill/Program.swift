// Program.swift: where the process begins, and how errors reach the shell:
// one line that says what is wrong and what to do next, exit code 1; 2 for a wrong command line.
import ArgumentParser
import Glibc

@main
enum Program {
    static func main() {
        do {
            var command = try Tokenmill.parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            Output.error("tokenmill: \(failure)\n")
            exit(1)
        } catch {
            let code = Tokenmill.exitCode(for: error)
            let message = Tokenmill.fullMessage(for: error) + "\n"
            guard code != .success else {
                Output.standard(message)
                exit(0)
            }
            Output.error(message)
            exit(code == .validationFailure ? 2 : 1)
        }
    }
}
