//! Objects that tests and experiments make.

use crate::{Installation, Result};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersion, GroupVersionKind};
use serde_json::{Value, json};

/// A pod that asks for some CPU and ends at once when it is told to.
pub fn pod(namespace: &str, name: &str, cpu: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "annotations": {}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": "none", "resources": {"requests": {"cpu": cpu}}}],
        },
    })
}

impl Installation {
    /// Where objects like this one are.
    fn place(&self, object: &Value) -> Result<(Api<DynamicObject>, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version: GroupVersion = text(&object["apiVersion"]).parse()?;
        let kind = GroupVersionKind::gvk(&version.group, &version.version, &text(&object["kind"]));
        let resource = ApiResource::from_gvk(&kind);
        let client = self.client.clone();
        let api = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        Ok((api, text(&object["metadata"]["name"])))
    }

    /// Creates any object whose resource is named as its kind's plural.
    ///
    /// # Errors
    /// What the API server refuses it with.
    pub async fn create(&self, object: &Value) -> Result<()> {
        let (api, _) = self.place(object)?;
        let object = serde_json::from_value(object.clone())?;
        api.create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Merges the fields given into one that is there.
    ///
    /// # Errors
    /// What the API server refuses it with.
    pub async fn merge(&self, object: &Value) -> Result<()> {
        let (api, name) = self.place(object)?;
        api.patch(&name, &PatchParams::default(), &Patch::Merge(object))
            .await?;
        Ok(())
    }

    /// Deletes the object that has this one's kind and name.
    ///
    /// # Errors
    /// What the API server refuses it with.
    pub async fn delete(&self, object: &Value) -> Result<()> {
        let (api, name) = self.place(object)?;
        api.delete(&name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The object that has this one's kind and name, as it is now.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn read(&self, object: &Value) -> Result<Value> {
        let (api, name) = self.place(object)?;
        Ok(serde_json::to_value(api.get(&name).await?)?)
    }

    /// A namespace, if it is not there yet.
    ///
    /// # Errors
    /// What the API server refuses it with.
    pub async fn namespace(&self, name: &str) -> Result<()> {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let (api, _) = self.place(&namespace)?;
        match api
            .create(&PostParams::default(), &serde_json::from_value(namespace)?)
            .await
        {
            Err(kube::Error::Api(status)) if status.code != 409 => Err(status.message.into()),
            Err(error @ kube::Error::Service(_)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A pool of the nodes with the label `leasehold.dev/pool=NAME` that leases CPU, with its root namespace and these
    /// further fields of its spec.
    ///
    /// # Errors
    /// What the API server refuses it with.
    pub async fn pool(&self, name: &str, root: &str, fields: Value) -> Result<()> {
        self.namespace(root).await?;
        let mut spec = json!({
            "nodeSelector": {"matchLabels": {"leasehold.dev/pool": name}},
            "resources": ["cpu"],
            "rootNamespace": root,
        });
        merge(&mut spec, fields);
        self.create(&json!({
            "apiVersion": "leasehold.dev/v1alpha1",
            "kind": "CapacityPool",
            "metadata": {"name": name},
            "spec": spec,
        }))
        .await
    }

    /// A lease from `lessor` to `lessee`, both of them namespaces, named as the lessee, with these fields of its spec.
    /// Victims have a second to end. Returns when the policies know that the namespace is leased.
    ///
    /// # Errors
    /// What the API server refuses it with.
    pub async fn lease(&self, lessor: &str, lessee: &str, fields: Value) -> Result<()> {
        self.namespace(lessee).await?;
        let mut spec = json!({"lessee": lessee, "reclaim": {"gracePeriodSeconds": 1}});
        merge(&mut spec, fields);
        self.create(&json!({
            "apiVersion": "leasehold.dev/v1alpha1",
            "kind": "CapacityLease",
            "metadata": {"name": lessee, "namespace": lessor},
            "spec": spec,
        }))
        .await?;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": lessee}});
        self.until_object(&namespace, "the namespace is labelled", |namespace| {
            namespace["metadata"]["labels"][api::names::LABEL_LEASED] == "true"
        })
        .await?;
        Ok(())
    }
}

fn merge(into: &mut Value, fields: Value) {
    if let Value::Object(fields) = fields {
        for (field, value) in fields {
            into[field] = value;
        }
    }
}
