//! Text of a nested stack.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use handrail_context::settings::RequiredSetting;
use handrail_effects::{WORKER_TIMEOUT_SECONDS, Worker};
use handrail_web::endpoint::{Endpoint, Memory};

use super::parameters::{declarations, value_of_variable};
use super::statements;
use crate::project::pascal_case;

/// Lambda function of an operation or a worker.
struct Function<'a> {
    /// Folder in `functions/`.
    binary: &'a str,
    name: &'a str,
    summary: &'a str,
    timeout_seconds: u32,
    memory: &'a str,
    required_settings: &'a [RequiredSetting],
    /// List in YAML.
    statements: String,
}

/// Returns the stack of the operations that one binary serves. `files` finds the source file of each.
pub(super) fn operations_stack(binary: &str, endpoints: &[Endpoint], files: &BTreeMap<String, String>) -> String {
    let resources = endpoints.iter().map(|endpoint| {
        let function = Function {
            binary,
            name: endpoint.function,
            summary: endpoint.summary,
            timeout_seconds: endpoint.timeout_seconds(),
            memory: match endpoint.memory() {
                Memory::Standard => "MemorySize",
                Memory::Large => "LargeMemorySize",
            },
            required_settings: endpoint.required_settings,
            statements: statements::of_operation(endpoint),
        };
        function.to_yaml(source_of(endpoint, files)) + &route(endpoint)
    });
    stack(binary, &format!("{} operations", endpoints.len()), &resources.collect::<String>())
}

pub(super) fn workers_stack(workers: &[Worker]) -> String {
    const BINARY: &str = "workers";
    let resources = workers.iter().map(|worker| {
        let function = Function {
            binary: BINARY,
            name: worker.function,
            summary: worker.summary,
            timeout_seconds: WORKER_TIMEOUT_SECONDS,
            memory: "MemorySize",
            required_settings: worker.required_settings,
            statements: statements::of_worker(worker),
        };
        function.to_yaml("shared/effects/src/workers.rs")
    });
    let mut text = stack(BINARY, &format!("{} workers", workers.len()), &resources.collect::<String>());
    text.push_str("\n# Names of the functions, for their event sources and alarms.\nOutputs:\n");
    for worker in workers {
        let id = pascal_case(worker.function);
        write!(text, "  {id}:\n    Value: !Ref {id}\n").unwrap();
    }
    text
}

/// Returns the path of the file with the endpoint's constant.
fn source_of<'a>(endpoint: &Endpoint, files: &'a BTreeMap<String, String>) -> &'a str {
    let row = format!("    function: \"{}\",\n", endpoint.function);
    let is_source = |(path, text): &(&String, &String)| path.starts_with("functions/") && text.contains(&row);
    let sources: Vec<&str> = files.iter().filter(is_source).map(|(path, _)| path.as_str()).collect();
    match sources.as_slice() {
        [source] => source,
        other => panic!("{} is in {other:?}", endpoint.function),
    }
}

fn stack(binary: &str, content: &str, resources: &str) -> String {
    let body = format!(
        r#"
Globals:
  Function:
    Runtime: provided.al2023
    Handler: bootstrap
    Architectures:
      - !Ref Architecture
    LoggingConfig:
      LogFormat: JSON
      LogGroup: !Ref Log
    Environment:
      Variables:
        RUST_LOG: !Ref LogLevel
    Tags:
      service: handrail

Resources:
  # The name of a log stream contains the name of its function.
  Log:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      LogGroupName: !Sub /aws/lambda/${{AWS::StackName}}
      RetentionInDays: 30
{resources}"#
    );
    let declarations = declarations(&body);
    format!(
        r#"# Generated from the registry by tests/consistency/nested_stacks. Do not edit: after a change of the registry run
# HANDRAIL_UPDATE=1 cargo test --workspace --test consistency nested_stacks
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Description: "Handrail: {content} of functions/{binary}"

{declarations}{body}"#
    )
}

impl Function<'_> {
    fn to_yaml(&self, source: &str) -> String {
        let Self { binary, name, summary, timeout_seconds, memory, statements, .. } = self;
        let id = pascal_case(name);
        let variables = self.required_settings.iter().flat_map(|setting| setting.variables());
        let variables: BTreeMap<&str, &str> = variables.map(|name| (*name, value_of_variable(name))).collect();
        let variables: String = variables.iter().map(|(name, value)| format!("          {name}: {value}\n")).collect();
        format!(
            r#"
  # {source}
  {id}:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
    Properties:
      Description: "{summary}"
      CodeUri: ../functions/{binary}
      MemorySize: !Ref {memory}
      Timeout: {timeout_seconds}
      Role: !GetAtt {id}Role.Arn
      Environment:
        Variables:
          HANDRAIL_FUNCTION: {name}
{variables}
  {id}Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {{Service: lambda.amazonaws.com}}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: registry
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{statements}"#
        )
    }
}

/// Returns the route to an operation's function, and API Gateway's permission to call the function for this route only.
fn route(endpoint: &Endpoint) -> String {
    let id = pascal_case(endpoint.function);
    let (method, path) = (endpoint.method.name(), endpoint.path);
    // In an ARN, a path parameter is any text.
    let arn_path: Vec<&str> =
        path.split('/').map(|segment| if segment.starts_with('{') { "*" } else { segment }).collect();
    let arn_path = arn_path.join("/");
    format!(
        r#"
  {id}Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref {id}
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{ApiId}}/*/{method}{arn_path}

  {id}Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref ApiId
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt {id}.Arn
      PayloadFormatVersion: "2.0"

  {id}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref ApiId
      RouteKey: {method} {path}
      Target: !Sub integrations/${{{id}Integration}}
"#
    )
}
